"""node-imap works with a mailbox and waits for news."""

import unittest

import node
from ways import ClientTest


class NodeImap(ClientTest):
    def test_works_with_a_mailbox_and_waits_for_news(self):
        self.compare(lambda way, folder: node.talk("nodeimap.js", self, way, folder))


if __name__ == "__main__":
    unittest.main()
