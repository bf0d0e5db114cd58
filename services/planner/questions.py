"""The way of dispatchers' questions to the planner and back: a thread stands between the database and the planner's loop.

The loop never waits for the database: while that is away it plans on, and questions wait for those who stopped asking.
"""

import logging
import queue
import threading
from typing import Any, Final

from services import store
from services.store.mailbox import Mailbox, Question

logger = logging.getLogger(__name__)

WAKE_S: Final = 1.0
"""A question that came without waking us is seen after this."""
AWAY_S: Final = 2.0
"""How long to leave the database alone that was away."""


class Questions:
    """Questions that wait for an answer. ``engine`` None = there is no database, so nobody asks. `close` ends the thread."""

    def __init__(self, engine: Any, tenant_id: str) -> None:
        self._engine, self._tenant_id = engine, tenant_id
        self._waiting: queue.SimpleQueue[Question] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._handed_over: set[str] = set()
        self._closing = threading.Event()
        self._answered = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="questions", daemon=True)
        if engine is not None:
            self._thread.start()

    def next(self) -> Question | None:
        """Return a question nobody has answered, or None. Never waits; raises what the thread has met, if that ended it."""
        if self._failure is not None:
            raise self._failure
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            return None

    def answer(self, question_id: str, text: bytes) -> None:
        """Hand in an answer, JSON. Never waits."""
        self._answers.put((question_id, text))
        self._answered.set()

    def close(self, timeout_s: float = 5.0) -> None:
        """End the thread."""
        self._closing.set()
        self._answered.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._serve()
            except store.Away as error:
                logger.warning("no questions: the database is away", extra={"reason": store.reason(error)})
                self._closing.wait(AWAY_S)
            except Exception as error:  # noqa: BLE001  # handed to the loop, which ends the process
                self._failure = error
                return

    def _serve(self) -> None:
        mailbox = Mailbox(self._engine, self._tenant_id)
        try:
            while not self._closing.is_set():
                self._hand_over(mailbox)
                if self._handed_over:
                    self._answered.wait(WAKE_S)
                    self._answered.clear()
                    self._give_back(mailbox)
                else:
                    mailbox.wait(WAKE_S)
        finally:
            mailbox.close()

    def _hand_over(self, mailbox: Mailbox) -> None:
        found = mailbox.waiting()
        for question in found:
            if question.question_id not in self._handed_over:
                self._waiting.put(question)
        self._handed_over = {question.question_id for question in found}

    def _give_back(self, mailbox: Mailbox) -> None:
        while not self._answers.empty():
            mailbox.answer(*self._answers.get())
