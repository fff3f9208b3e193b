"""Journey B: from the text of a form, through a changeset, to a row; and back with what the database refused."""

import pytest

from ectype import Invalid, InvalidChangesetError, Ok, Repo, change, meta, migrations
from tests.journeys.library import Author, Book, book_form, make_tables


async def test_a_form_becomes_a_book_or_tells_why_not(database_url: str):
    async with Repo(database_url) as repo:
        await migrations.up(repo, 1, make_tables)
        lem = await repo.insert(Author(name="Lem"))

        # The first attempt is full of mistakes, and never reaches the database.
        form: dict[str, object] = {"title": " ", "isbn": "12", "pages": "many", "author_id": str(lem.id), "id": "7"}
        outcome = await repo.try_insert(book_form(Book, form))
        assert isinstance(outcome, Invalid)
        assert outcome.changeset.traverse_errors() == {
            "pages": ["is invalid"],
            "title": ["can't be blank"],
            "isbn": ["has 13 digits"],
        }
        assert not await repo.exists(Book)

        # The second is right. Text has become values, and what was not permitted was never looked at.
        form |= {"title": "Solaris", "isbn": "9780156027601", "pages": "204", "published": "1961-06-01"}
        outcome = await repo.try_insert(book_form(Book, form))
        assert isinstance(outcome, Ok)
        solaris = outcome.value
        assert (solaris.title, solaris.pages, str(solaris.published)) == ("Solaris", 204, "1961-06-01")
        assert (meta(solaris).state, solaris.id != 7) == ("loaded", True)
        assert await repo.get(Book, solaris.id) == solaris

        # The third says the same book again: only the database can know that, and its error is one of the form.
        outcome = await repo.try_insert(book_form(Book, form))
        assert isinstance(outcome, Invalid)
        assert outcome.changeset.traverse_errors() == {"isbn": ["has already been taken"]}
        assert outcome.changeset.params == form

        # Whoever does not ask for the value gets the exception, with the same changeset in it.
        with pytest.raises(InvalidChangesetError) as caught:
            await repo.insert(book_form(Book, form | {"isbn": "9780156027602", "author_id": 999}))
        assert caught.value.changeset.traverse_errors() == {"author_id": ["does not exist"]}

        # A refusal inside a transaction leaves it usable; the correction is stored with all that came before.
        async with repo.transaction():
            woolf = await repo.insert(Author(name="Woolf"))
            waves = form | {"title": "The Waves", "author_id": woolf.id}
            assert isinstance(await repo.try_insert(book_form(Book, waves)), Invalid)
            await repo.insert(book_form(Book, waves | {"isbn": "9780156949606"}))
        assert len(await repo.all(Book)) == 2

        # An update sends what has changed, and a form without changes sends nothing.
        renamed = await repo.update(book_form(solaris, {"title": "Solaris!"}))
        assert (renamed.title, renamed.isbn, renamed.updated_at > solaris.updated_at) == (
            "Solaris!",
            solaris.isbn,
            True,
        )
        assert await repo.update(book_form(renamed, {"title": "Solaris!"})) is renamed

        # And the author stays as long as there are books.
        outcome = await repo.try_delete(
            change(lem).foreign_key_constraint(Author.id, name="books_author_id_fkey", message="has books")
        )
        assert isinstance(outcome, Invalid)
        assert outcome.changeset.traverse_errors() == {"id": ["has books"]}
