"""The first user, made by whoever has the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmkit.errors import ConfigurationError
from llmkit.proxy.__main__ import main
from llmkit.proxy.auth.people import create_user
from llmkit.proxy.data.database import Database

from ._kit import bearers_of, shown


@pytest.mark.asyncio
async def test_the_first_administrator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A new database is enough; the key alone is on the standard output, and is an administrator's."""
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert main(["create-user", "--user-id", "root", "--database-url", url]) == 0
    said = capsys.readouterr()
    key = said.out.strip()
    assert key not in said.err
    assert key.startswith("sk-")
    database = Database(url)
    with bearers_of(database) as bearers:
        subject = await bearers.subject(shown(key), {})
    database.close()
    assert (subject.user, subject.role, subject.reserved) == ("root", "proxy_admin", False)
    assert key not in _everything(tmp_path)


def _everything(folder: Path) -> str:
    """All bytes of a folder's files."""
    return b"".join(path.read_bytes() for path in folder.iterdir()).decode("latin-1")


def test_a_user_that_there_is(database: Database) -> None:
    """By id or by address; nothing is changed."""
    create_user(database, user_id="ann", email="ann@example.org")
    for wrong in ({"user_id": "ann"}, {"email": "ann@example.org"}):
        with pytest.raises(ConfigurationError, match="there is a user"):
            create_user(database, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="role is one of"):
        create_user(database, role="team")
    assert create_user(database)[0] != create_user(database)[0]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--database-url", "mysql://root:hunter2@h/x"], 2, "sqlite:///PATH"),
        (["--database-url", "sqlite:////no/such/folder/x.db"], 1, "cannot be used"),
        (["--database-url", "postgresql://root:hunter2@127.0.0.1:1/x"], 1, "cannot be used"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, without the database's password."""
    assert main(["create-user", *arguments]) == code
    said = capsys.readouterr().err
    assert words in said
    assert "hunter2" not in said
    assert said.count("\n") == 1
