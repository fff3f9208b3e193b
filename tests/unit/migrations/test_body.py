from types import SimpleNamespace

import pytest

from ectype.errors import IrreversibleError, MigrationError
from ectype.migrations.body import body_of_code, body_of_script, commands
from ectype.migrations.errors import MigrationFailedError
from ectype.migrations.scripts import Script
from ectype.sql.ddl import Execute, RenameTable


def script(tmp_path, text):
    path = tmp_path / "1_rename.py"
    path.write_text(text)
    return Script(1, "rename", path)


CHANGE = "def change(m):\n    m.rename_table('a', to='b')\n    m.execute('up ' + m.direction, 'back')\n"


async def test_change_is_recorded_and_turned_round_for_a_rollback(tmp_path):
    body = body_of_script(script(tmp_path, CHANGE))
    assert await commands(body, "up") == (RenameTable("a", "b"), Execute("up up", "back"))
    assert await commands(body, "down") == (Execute("back", "up down"), RenameTable("b", "a"))


async def test_up_and_down_win_over_change(tmp_path):
    body = body_of_script(script(tmp_path, f"{CHANGE}\ndef up(m): m.execute('u')\ndef down(m): m.execute('d')\n"))
    assert await commands(body, "up") == (Execute("u"),)
    assert await commands(body, "down") == (Execute("d"),)


async def test_a_migration_may_be_async(tmp_path):
    body = body_of_script(script(tmp_path, "async def change(m):\n    m.execute('u', 'd')\n"))
    assert await commands(body, "down") == (Execute("d", "u"),)


@pytest.mark.parametrize("extra", ["", CHANGE])
async def test_up_without_down_cannot_be_rolled_back(tmp_path, extra):
    body = body_of_script(script(tmp_path, f"{extra}\ndef up(m): m.execute('u')\n"))
    with pytest.raises(IrreversibleError) as caught:
        await commands(body, "down")
    path = tmp_path / "1_rename.py"
    assert caught.value.message == f"{path}: 1 rename cannot be rolled back: it has `up` but no `down`"


async def test_down_alone_cannot_be_applied(tmp_path):
    body = body_of_script(script(tmp_path, "def down(m): m.execute('u')\n"))
    with pytest.raises(MigrationError, match="1 rename has `down` but neither `up` nor `change`"):
        await commands(body, "up")


async def test_a_command_that_cannot_be_turned_round_is_named_with_the_migration(tmp_path):
    body = body_of_script(script(tmp_path, "def change(m):\n    m.drop_table('posts')\n"))
    with pytest.raises(IrreversibleError) as caught:
        await commands(body, "down")
    assert caught.value.message == (
        f"{tmp_path / '1_rename.py'}: 1 rename cannot be rolled back, nothing was done: "
        '`m.drop_table("posts")` cannot be turned round: it does not say what the table was'
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("m.create_index('t')", 'm.create_index("t") names no column'),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("m.creat_index('t')", "AttributeError: 'Migration' object has no attribute 'creat_index'"),
    ],
)
async def test_a_function_that_raises_is_named_with_its_line(tmp_path, line, message):
    body = body_of_script(script(tmp_path, f"def change(m):\n    m.execute('a', 'b')\n    {line}\n"))
    with pytest.raises(MigrationFailedError) as caught:
        await commands(body, "up")
    assert caught.value.message == f"{tmp_path / '1_rename.py'}:3: {message}"
    assert (caught.value.version, caught.value.unchanged, caught.value.statement) == (1, True, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "1_rename.py has no `change`, no `up` and no `down`"),
        ("change = 3\n", "1_rename.py is no function but 3"),
    ],
)
def test_a_file_without_a_function_is_refused(tmp_path, text, message):
    with pytest.raises(MigrationError, match=message) as caught:
        body_of_script(script(tmp_path, text))
    assert "def change(m" in (caught.value.hint or "")


async def test_code_may_hand_in_a_function_an_object_or_a_module():
    def rename(m):
        m.rename_table("a", to="b")

    class AddPosts:
        def up(self, m):
            m.execute("u")

        def down(self, m):
            m.execute("d")

    module = SimpleNamespace(__name__="app.migrations.first", change=rename)
    bodies = [body_of_code(1, one) for one in (rename, AddPosts(), module)]
    assert [str(body) for body in bodies] == ["1 rename", "1 AddPosts", "1 first"]
    assert [await commands(body, "down") for body in bodies] == [
        (RenameTable("b", "a"),),
        (Execute("d"),),
        (RenameTable("b", "a"),),
    ]
    with pytest.raises(MigrationError, match="AddPosts is a class, not a migration") as caught:
        body_of_code(1, AddPosts)
    assert caught.value.hint == "hand in an instance: AddPosts()"
    with pytest.raises(MigrationError, match="NoneType has no `change`"):
        body_of_code(1, None)
