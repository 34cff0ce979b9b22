// node-imap's job; arguments and output are those of imapflow.js.
const fs = require('fs');
const Imap = require('imap');
const way = JSON.parse(process.argv[2]);
const say = (what, value) => console.log(JSON.stringify([what, value], (key, v) => key === 'parent' ? undefined : v));
const client = new Imap({
  host: way.host, port: way.port, tls: way.secure, autotls: way.secure ? 'never' : 'required', user: way.user, password: way.pass,
  tlsOptions: {ca: fs.readFileSync(way.trust), servername: way.host}});
const call = (name, ...more) => new Promise((resolve, reject) =>
  client[name](...more, (error, result) => error ? reject(error) : resolve(result)));
const fetch = (where, what) => new Promise((resolve, reject) => {
  const found = [];
  const job = client.seq.fetch(where, what);
  job.on('message', (message, number) => {
    const one = {number};
    found.push(one);
    message.on('body', (stream, about) => {
      const parts = [];
      stream.on('data', (part) => parts.push(part));
      stream.on('end', () => one[about.which] = Buffer.concat(parts).toString('latin1'));
    });
    message.on('attributes', (attributes) => one.attributes = attributes);
  });
  job.once('error', reject);
  job.once('end', () => resolve(found));
});

client.once('error', (error) => {
  console.error(error);
  process.exit(1);
});
client.once('ready', async () => {
  say('capabilities', ['STARTTLS', 'LOGINDISABLED'].filter((name) => client.serverSupports(name)));
  say('boxes', await call('getBoxes'));
  await call('addBox', 'Node');
  await call('append', fs.readFileSync(way.upload), {mailbox: 'Node', flags: ['Seen'], date: new Date('2023-01-02T16:00:00Z')});
  const box = await call('openBox', 'INBOX', false);
  say('open', [box.name, box.messages, box.permFlags, box.flags]);
  say('messages', await fetch('1:*', {bodies: ['', 'HEADER.FIELDS (SUBJECT)'], struct: true, envelope: true, size: true}));
  say('search', await call('search', [['OR', ['SUBJECT', 'grüße'], 'FLAGGED']]));
  await call('addFlags', 1, ['Flagged']);
  await call('addKeywords', 1, ['$Work']);
  await call('move', 2, 'Archive');
  await call('addFlags', 1, ['Deleted']);
  await call('expunge');
  const news = new Promise((resolve) => client.once('mail', resolve)); // it idles whenever it has nothing to do
  console.log('"idling"');
  say('news', await news);
  const [{attributes, ...last}] = await fetch('*', {bodies: 'HEADER.FIELDS (SUBJECT)'}); // their date is the clock's
  say('after', [last, attributes.uid, attributes.flags]);
  client.once('end', () => process.exit(0));
  client.end();
});
client.connect();
