from ectype import Repo, migrations
from ectype.web_integration import PendingMigrations

repo = Repo("sqlite:///:memory:")


def wrapped(app: PendingMigrations) -> PendingMigrations:
    status, migrate = (lambda: migrations.status(repo)), (lambda: migrations.migrate(repo))
    return PendingMigrations(app, status=status, migrate=migrate)  # refused
