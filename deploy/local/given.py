"""What the environment names instead of our own parts, a broker or a database, must answer before anything is begun."""

from deploy.local.settings import Local
from services import bus, store

_KAFKA_TIMEOUT_S = 3.0


def kafka_trouble(local: Local) -> str:
    """Say what is wrong with the broker of KAFKA_BOOTSTRAP; empty if it answers. Blocks up to 3 s an address."""
    if bus.answers(local.kafka_bootstrap, _KAFKA_TIMEOUT_S):
        return ""
    return f"no Kafka answers at {local.kafka_bootstrap}: start it, or correct KAFKA_BOOTSTRAP"


def database_trouble(local: Local) -> str:
    """Say what is wrong with the database of DATABASE_URL; empty if it answers. Blocks up to 5 s an address."""
    try:
        store.knock(local.database_url)
    except store.NoDatabaseAddressError as error:
        return str(error)
    except store.Away as error:
        return f"the database does not answer ({store.reason(error)}): start it, or correct DATABASE_URL"
    return ""
