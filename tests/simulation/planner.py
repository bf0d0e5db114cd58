"""A planner reduced to what the streams see of one: it hears what is due, and sends plans with growing versions."""

from streams import codec, events, topics
from streams.topics import JOINED_PARTITIONS
from streams.worker.folding import partition_of
from tests.simulation.devices import Terminal
from tests.simulation.log import Log, Producer
from tests.simulation.world import Process, World


class Planner(Process):
    """Never dies; sends a plan to one of the trucks for each bin that became due."""

    def __init__(self, world: World, log: Log, terminals: list[Terminal]) -> None:
        super().__init__(world, "planner")
        self.log = log
        self.producer = Producer(self, log)
        self.trucks = [one.truck_id for one in terminals if one.full]
        self.due: dict[str, bool] = {}
        self._positions = dict.fromkeys(range(JOINED_PARTITIONS), 0)
        self._versions: dict[str, int] = {}
        world.after(3_000, self._look)

    def _look(self) -> None:
        self.world.after(3_000, self._look)
        for number, at in self._positions.items():
            records = self.log.partitions[topics.COLLECTIONS_DUE.name, number][at:]
            self._positions[number] = at + len(records)
            for record in records:
                self._hear(codec.decode(topics.COLLECTIONS_DUE, record.value))

    def _hear(self, due: events.CollectionDue) -> None:
        self.due[due.place_id] = due.due
        if not self.trucks:
            return
        truck_id = self.trucks[len(self._versions) % len(self.trucks)]
        version = self._versions[truck_id] = self._versions.get(truck_id, 0) + 1
        plan = events.TruckPlan(
            truck_id=truck_id,
            plan_version=version,
            made_ms=int(self.world.now_ms),
            reason="new_due",
            material="residual",
        )
        tp = (topics.PLANS.name, partition_of(truck_id))
        self.producer.send(tp, truck_id.encode(), codec.encode(plan), codec.headers(topics.PLANS))
