from tests.integration.repo.blog import User


async def test_probe(repo):
    u = await repo.insert(User(name="a", email="b"))
    print(u)
