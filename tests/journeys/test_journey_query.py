"""Journey A: from a part of a query that anybody may reuse, through the builder, to rows of the reader's own shape."""

from datetime import date

from ectype import Over, Repo, fn, from_, migrations
from tests.journeys.library import Author, Book, Shelf, make_tables


def thick(query: Over[Book]) -> Over[Book]:
    """A part that fits every query that reads books."""
    return query.where(Book.pages > 300)


async def test_a_reader_asks_for_the_thick_books_of_each_author(database_url: str):
    async with Repo(database_url) as repo:
        # Somebody made the tables, and somebody filled them.
        assert await migrations.up(repo, 1, make_tables)
        lem, woolf, _silent = await repo.insert_all(
            Author, [{"name": "Lem"}, {"name": "Woolf"}, {"name": "Nobody"}], returning=Author
        )
        volumes = [("Solaris", lem, 204), ("Fiasco", lem, 322), ("Eden", lem, 310), ("The Waves", woolf, 324)]
        await repo.insert_all(
            Book,
            [
                {
                    "title": title,
                    "isbn": f"{number:013}",
                    "pages": pages,
                    "author_id": author.id,
                    "published": date(1961 + number, 1, 1),
                    "shelf": {"room": number},
                }
                for number, (title, author, pages) in enumerate(volumes)
            ],
            timestamps=True,
        )

        # The reader begins with the authors, follows an association, reuses the part, and counts.
        query = (
            from_(Author)
            .join(Author.books)
            .scope(thick)
            .group_by(Author.id)
            .order_by(fn.count(Book.id).desc(), Author.name)
            .project(Shelf(author=Author.name, books=fn.count(Book.id), pages=fn.sum(Book.pages)))
        )
        assert await repo.all(query) == [
            Shelf(author="Lem", books=2, pages=632),
            Shelf(author="Woolf", books=1, pages=324),
        ]

        # The query reads like the code that made it, and the text can be looked at before it is sent.
        assert ".where(Book.pages > 300)" in repr(query)
        text, params = repo.to_sql(query)
        assert text.startswith("SELECT ")
        assert params == (300,)
        assert "300" not in text

        # Another question, built on the same part: the newest thick book, with its author.
        newest = from_(Book).scope(thick).order_by(Book.published.desc()).limit(1).preload(Book.author)
        book = await repo.one_or_raise(newest)
        assert (book.title, book.author, book.shelf) == ("The Waves", woolf, {"room": 3})

        # Whole authors with their books in order: two statements, however many authors there are.
        authors = await repo.all(
            from_(Author).order_by(Author.name).preload(Author.books.order_by(Book.pages.desc()).limit(2))
        )
        assert [(author.name, [book.title for book in author.books]) for author in authors] == [
            ("Lem", ["Fiasco", "Eden"]),
            ("Nobody", []),
            ("Woolf", ["The Waves"]),
        ]
