"""A dispatcher's draft on real parts: gateway, recorder, planner, broker, database. Priced, sent as one, taken back."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from gateway_trial import FORGIVING, answers, own_database, process, wait_for
from test_planner import BUILD, DAY, ROOT, World, collects

from deploy.local import ports
from services import store
from services.city import folder
from services.clock import CityClock, wall_now_ms
from services.planner.roads import build_graph
from services.store import access
from streams import events

pytestmark = [pytest.mark.integration, FORGIVING]

MATERIAL = "kitchen"


class Desk(World):
    """A planner for one material, with a database; and a gateway and a recorder beside it."""

    database: str
    url: str
    key: str

    def settings(self) -> dict[str, str]:
        """What each process is told."""
        return {
            "KAFKA_BOOTSTRAP": self.bootstrap,
            "DATABASE_URL": self.database,
            "QINGYUN_TENANT_ID": self.tenant_id,
            "QINGYUN_BUILD_DIR": str(BUILD),
            "QINGYUN_CLOCK_ORIGIN_MS": str(self.clock.origin_ms),
            "QINGYUN_CLOCK_WALL_ORIGIN_MS": str(self.clock.wall_origin_ms),
        }

    def start(self) -> None:
        """Start a planner process."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("QINGYUN_")}
        code = "from services.planner.run import main; main()"
        with self.log.open("ab") as log:
            self.planner = subprocess.Popen(
                [sys.executable, "-c", code], cwd=ROOT, env=others | self.settings(), stderr=log
            )

    def ask(self, **question: Any) -> httpx.Response:
        """Ask what moves would come to."""
        return httpx.post(f"{self.url}/api/v1/prices", headers=self._headers, json=question, timeout=20)

    def send(self, draft_id: str, actions: list[dict[str, Any]], **plan_versions: int) -> httpx.Response:
        """Send a draft."""
        body = {"actions": actions, "plan_versions": plan_versions}
        return httpx.put(f"{self.url}/api/v1/drafts/{draft_id}", headers=self._headers, json=body, timeout=20)

    def holder(self, stop_id: str) -> str | None:
        """Return the truck that has a stop in its plan."""
        return next((truck for truck, plan in self.latest().items() if stop_id in collects(plan)), None)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@pytest.fixture(scope="module")
def desk(topics: str, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Three kitchen trucks with their plans, and a gateway that has heard of them."""
    city = folder.read(ROOT / "deploy" / "cities" / "porto")
    build_graph(city.roads, BUILD / "cities" / "porto" / "roads")
    logs, port = tmp_path_factory.mktemp("desk"), ports.free()
    clock = CityClock(origin_ms=city.local_ms(DAY, "07:00"), wall_origin_ms=wall_now_ms(), rate=1.0)
    with own_database(postgres) as database:
        made = Desk(topics, city, f"drafts-{uuid4().hex[:8]}", clock, logs / "planner.log")
        made.database, made.url = database, f"http://127.0.0.1:{port}"
        engine = store.connect(database)
        made.key = access.create_key(engine, made.tenant_id, "desk", "dispatcher")
        engine.dispose()
        told = made.settings() | {"QINGYUN_GATEWAY_PORT": str(port)}
        made.morning((MATERIAL,))
        with process("recorder", logs / "recorder.log", **told), process("gateway", logs / "gateway.log", **told):
            made.start()
            mine = set(made.on_shift(MATERIAL))
            made.wait(lambda: mine <= made.latest().keys())
            wait_for(lambda: answers(made.url + "/health"), "the gateway")
            wait_for(lambda: all(_heard(made, plan) for plan in made.latest().values()), "the plans at the gateway")
            try:
                yield made
            finally:
                made.close()


def _heard(desk: Desk, plan: events.TruckPlan) -> bool:
    """Whether the recorder has a truck and its plan."""
    found = httpx.get(f"{desk.url}/api/v1/plans/{plan.truck_id}", headers=desk._headers, timeout=20)
    versions = found.json().get("versions", ())
    return any(one["plan_version"] == plan.plan_version for one in versions)


def lock(answer: dict[str, Any], until_ms: int) -> list[dict[str, Any]]:
    """What a page makes of a priced draft."""
    return [
        {"subject_id": one["stop_id"], "kind": "lock", "truck_id": one["truck_id"], "until_ms": until_ms,
         "after": one["after"]}
        for one in answer["moves"]
    ]  # fmt: skip


def test_a_move_is_priced_sent_and_taken_back(desk):
    """The planner says what each truck would cost; what is sent stands in the next plans; undone, the stop comes back."""
    plan = desk.busy(MATERIAL)
    stop = collects(plan)[-1]
    answer = desk.ask(stop_ids=[stop])
    assert answer.status_code == 200, answer.text
    offers = {one["truck_id"]: one for one in answer.json()["offers"]}
    assert offers.keys() == set(desk.on_shift(MATERIAL)) - {plan.truck_id}
    assert all(one["rule"] is not None or one["price"] is not None for one in offers.values())
    to = min((one for one in offers.values() if one["rule"] is None), key=lambda one: one["price"]["cost"])["truck_id"]

    draft = desk.ask(moves=[{"stop_id": stop, "truck_id": to}]).json()
    assert draft["price"]["distance_m"] == offers[to]["price"]["distance_m"]
    draft_id, until_ms = str(uuid4()), desk.now_ms + 3_600_000
    sent = desk.send(draft_id, lock(draft, until_ms), **draft["plan_versions"])
    assert sent.status_code == 202, sent.text
    assert sent.json()["undo"] == [
        {"subject_id": stop, "kind": "lock", "truck_id": plan.truck_id, "until_ms": until_ms}
    ]
    desk.wait(lambda: desk.holder(stop) == to)
    again = desk.send(draft_id, lock(draft, until_ms), **draft["plan_versions"])
    assert again.status_code == 202  # the same again is the same act, whatever changed since

    assert desk.send(str(uuid4()), sent.json()["undo"]).status_code == 202
    desk.wait(lambda: desk.holder(stop) == plan.truck_id)


def test_nobody_overwrites_what_changed_since(desk):
    """A draft is refused whole, with what is so now, when plans or another dispatcher's word are newer than its price."""
    plan = desk.busy(MATERIAL)
    one, other = collects(plan)[-1], collects(plan)[-2]
    to = next(truck for truck in desk.on_shift(MATERIAL) if truck != plan.truck_id)
    draft = desk.ask(moves=[{"stop_id": one, "truck_id": to}, {"stop_id": other, "truck_id": to}]).json()
    old = {truck: version - 1 for truck, version in draft["plan_versions"].items()}
    # until the gateway has heard of the newest plans it takes what is about those before: of a stop nobody asks about here
    aside = [{"subject_id": collects(plan)[0], "kind": "unlock"}]
    wait_for(lambda: desk.send(str(uuid4()), aside, **old).status_code == 409, "the newest plans at the gateway")
    assert desk.send(str(uuid4()), lock(draft, 1), **old).status_code == 409

    said = desk.send(str(uuid4()), [{"subject_id": one, "kind": "lock", "truck_id": plan.truck_id}])
    assert said.status_code == 202
    refused = desk.send(str(uuid4()), lock(draft, desk.now_ms + 3_600_000))
    assert refused.status_code == 409
    assert refused.json()["code"] == "plans_changed"
    assert [(now["subject_id"], now["truck_id"]) for now in refused.json()["current"]["said"]] == [(one, plan.truck_id)]
    assert desk.holder(other) == plan.truck_id
    assert desk.send(str(uuid4()), [{"subject_id": "nowhere", "kind": "unlock"}]).status_code == 404


def test_a_planner_that_is_away_is_said_calmly(desk):
    """Without a planner a question is answered all the same, in a few seconds, and leaves nothing behind."""
    desk.kill()
    answer = desk.ask(give_away=desk.busy(MATERIAL).truck_id)
    assert (answer.status_code, answer.json()["code"]) == (503, "planner_away")
    desk.start()
    assert wait_for(lambda: desk.ask(give_away=desk.busy(MATERIAL).truck_id).status_code == 200, "an answer", 90)
