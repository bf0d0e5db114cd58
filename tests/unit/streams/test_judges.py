"""Who judges a fix, and from which memory."""

from streams import rules, state, truck


def test_memories_stand_in_the_order_in_which_rules_judge() -> None:
    """They are taken in turn at each fix, not by name: a rule must not read another's."""
    judging = [rules.memory_name(rule) for rule, _ in truck.JUDGES.fixes]
    assert list(state.Memories.__struct_fields__[: len(judging)]) == judging
