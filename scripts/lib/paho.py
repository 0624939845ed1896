"""One client test of the Paho interoperability suite against a server that is already there.

usage: paho.py FOLDER client_test|client_test5 PORT

The suite's own command line does not pass a port on in version 3.1.1, and a test that waits for ever keeps the rest from
being told. Each test gets a line here, and a limit.
"""

import importlib
import logging
import signal
import sys
import unittest
from pathlib import Path

TEST_SECONDS_MAX = 60


def main(folder, name, port):
    sys.path.insert(0, str(Path(folder) / "interoperability"))
    logging.getLogger().setLevel(logging.ERROR)
    suite = importlib.import_module(name)
    # What the suite's own `__main__` sets.
    suite.host, suite.port, suite.topic_prefix = "127.0.0.1", port, "client_test5/"
    suite.topics = ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA")
    suite.wildtopics = ("TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#")
    suite.nosubscribe_topics = ("test/nosubscribe",)
    tests = unittest.defaultTestLoader.loadTestsFromModule(suite)
    result = unittest.TextTestRunner(stream=sys.stderr, resultclass=Told).run(tests)
    passed = result.testsRun - len(result.failures) - len(result.errors)
    print(f"{name}: {passed} of {tests.countTestCases()}")
    return 0 if result.wasSuccessful() else 1


class Told(unittest.TextTestResult):
    """Says of each test how it went, and ends one that takes for ever."""

    def startTest(self, test):
        super().startTest(test)
        signal.signal(signal.SIGALRM, give_up)
        signal.alarm(TEST_SECONDS_MAX)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.say("passed", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("FAILED", test)

    def addError(self, test, err):
        super().addError(test, err)
        self.say("FAILED", test)

    def say(self, verdict, test):
        print(f"  {verdict} {test.id().split('.')[-1]}", flush=True)


def give_up(_signal, _frame):
    raise TimeoutError(f"no end within {TEST_SECONDS_MAX} s")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
