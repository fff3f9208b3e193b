"""The questions: queries composed from parts, each typed by what it gives."""

from ectype import Over, Query, cte, exists, fn, from_, literal, outer, window
from examples.depot.schemas import Distribution, File, Need, Requirement, SuffixLine, Weight


def large(query: Over[File], least: int = 1) -> Over[File]:
    """Keep files of at least so many bytes: a part that fits any query with File in scope."""
    return query.where(File.size >= least)


def heaviest(count: int) -> Query[Distribution | File, Distribution | File, Weight]:
    """The distributions whose files weigh most."""
    weight = fn.coalesce(fn.sum(File.size), 0)
    return (
        from_(Distribution)
        .join(Distribution.files)
        .scope(large)
        .group_by(Distribution.id, Distribution.name, Distribution.version)
        .order_by(weight.desc(), Distribution.name)
        .limit(count)
        .project(
            Weight(name=Distribution.name, version=Distribution.version, files=fn.count(File.id), size=weight),
        )
    )


def needs(name: str) -> Query[Need, Need, Need]:
    """What a distribution needs, directly or through others: a recursive CTE that follows requirement names."""
    tree = cte(Need, "tree")
    start = (
        from_(Distribution)
        .where(Distribution.name == name)
        .project(Need(id=Distribution.id, name=Distribution.name, depth=literal(0)))
    )
    further = (
        from_(Requirement)
        .join(tree, on=Requirement.distribution_id == tree.id)
        .join(Distribution, on=Distribution.name == Requirement.name)
        .where(Requirement.extra == False, tree.depth < 20)  # noqa: E712  # an SQL comparison
        .project(Need(id=Distribution.id, name=Distribution.name, depth=tree.depth + 1))
    )
    nearest = fn.coalesce(fn.min(tree.depth), 0)
    return (
        from_(tree)
        .with_cte(tree, start.union(further), recursive=True)
        .where(tree.depth > 0)
        .group_by(tree.id, tree.name)
        .order_by(nearest, tree.name)
        .project(Need(id=tree.id, name=tree.name, depth=nearest))
    )


def by_suffix(count: int) -> Query[File, File, SuffixLine]:
    """Files by suffix with their rank by weight: a window over groups."""
    weight = fn.coalesce(fn.sum(File.size), 0)
    return (
        from_(File)
        .group_by(File.suffix)
        .order_by(weight.desc())
        .limit(count)
        .project(
            SuffixLine(
                suffix=File.suffix,
                files=fn.count(File.id),
                size=weight,
                rank=fn.rank().over(window(order_by=weight.desc())),
            )
        )
    )


def unneeded() -> Query[Distribution, Distribution, Distribution]:
    """What nothing else depends on: an anti-join."""
    asked = from_(Requirement).where(Requirement.name == outer(Distribution.name))
    return from_(Distribution).where(~exists(asked)).order_by(Distribution.size.desc(), Distribution.name)
