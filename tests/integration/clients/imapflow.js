// ImapFlow's job: imapflow.js {"host", "port", "secure", "trust", "user", "pass", "upload"}. Prints what it saw as lines of
// JSON; at the line "idling" it waits for a message that somebody else brings.
const fs = require('fs');
const {ImapFlow} = require('imapflow');
const way = JSON.parse(process.argv[2]);
const say = (what, value) => console.log(JSON.stringify([what, value], (key, v) =>
  typeof v === 'bigint' ? String(v) : v instanceof Map ? [...v] : v instanceof Set ? [...v].sort() :
    v && v.type === 'Buffer' ? Buffer.from(v.data).toString('latin1') : v));

(async () => {
  const client = new ImapFlow({
    host: way.host, port: way.port, secure: way.secure, doSTARTTLS: way.secure ? undefined : true, logger: false,
    tls: {ca: fs.readFileSync(way.trust)}, auth: {user: way.user, pass: way.pass}});
  await client.connect();
  say('capabilities', [...client.capabilities.keys()].filter((name) => name === 'STARTTLS' || name === 'LOGINDISABLED'));
  say('list', (await client.list()).map((box) => [box.path, box.delimiter, [...box.flags].sort(), box.subscribed]));
  say('create', (await client.mailboxCreate('Flow')).path);
  await client.append('Flow', fs.readFileSync(way.upload), ['\\Seen', '$Label'], new Date('2023-01-02T16:00:00Z'));
  const lock = await client.getMailboxLock('INBOX');
  for await (const message of client.fetch('1:*', {uid: true, flags: true, envelope: true, bodyStructure: true, source: true, size: true})) {
    say('message', [message.uid, message.flags, message.envelope, message.bodyStructure, message.size, message.source]);
  }
  const {content} = await client.download('3', '1');
  const parts = [];
  for await (const part of content) parts.push(part);
  say('download', Buffer.concat(parts).toString('latin1'));
  say('search', await client.search({or: [{subject: 'grüße'}, {flagged: true}]}));
  say('flags', await client.messageFlagsAdd('1', ['\\Flagged', '$Work']));
  const moved = await client.messageMove('2', 'Archive');
  say('move', [moved.path, moved.destination, moved.uidMap]);
  say('delete', await client.messageDelete('1'));
  say('status', await client.status('Flow', {messages: true, unseen: true}));
  const news = new Promise((resolve) => client.on('exists', resolve));
  const idle = client.idle();
  console.log('"idling"');
  const {count, prevCount} = await news;
  say('news', [count, prevCount]);
  say('after', (await client.fetchOne('*', {envelope: true})).envelope.subject); // ends the IDLE
  await idle;
  lock.release();
  await client.logout();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
