"""What a decision says would change its limit, held against deciding again with that value."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from kernel.money import Money
from tests.underwriting import builders as make
from underwriting import assessments, ceilings, policy
from underwriting.ceilings import Change, Input
from underwriting.decisions import Decision
from underwriting.dossier import Dossier
from underwriting.limits import Constraint

POLICY = policy.load("2026-11")
FEN = Money(1)
yuan = Money.yuan


def decide(told: Dossier, pd: Decimal, bound: Decimal) -> Decision:
    return assessments.decide(told, POLICY, make.Says(str(pd), bound=str(bound)))


def with_income(told: Dossier, income: Money, *, elsewhere: Money) -> Dossier:
    """Give the debtor another income and the same debts elsewhere, as an amount."""
    replaced = Money.total(card.quote.minimum_due for card in told.cards if card.quote)
    share = (elsewhere + replaced).ratio_to(income) * 100
    figures = {**told.figures, "debt_to_income_pct": share}
    if told.verified_monthly_income is None:
        return replace(told, stated_monthly_income=income, figures=figures)
    return replace(
        told, verified_monthly_income=income, stated_monthly_income=income, figures=figures
    )


def with_debts(told: Dossier, more: Money) -> Dossier:
    first, *others = told.cards
    assert first.quote is not None
    quote = replace(first.quote, amount=first.quote.amount + more)
    return replace(told, cards=(replace(first, quote=quote), *others))


def again(told: Dossier, decision: Decision, change: Change, value: Money | Decimal) -> Decision:
    """Decide on the same dossier with the value that the change names, or one beside it."""
    assert decision.pd is not None
    assert decision.workings is not None
    assert decision.workings.inputs is not None
    pd, bound = decision.pd, decision.workings.pd_bound
    match change.input:
        case Input.VERIFIED_INCOME | Input.STATED_INCOME:
            told = with_income(told, value, elsewhere=decision.workings.inputs.elsewhere)
        case Input.DEBTS:
            told = with_debts(told, value - decision.workings.inputs.debts)
        case Input.PRODUCT:
            told = replace(told, lender=replace(told.lender, principal_max=value))
        case Input.PD_BOUND:
            bound = value
        case Input.PD:
            pd = value
    return decide(told, pd, bound)


DEBTORS = st.builds(
    lambda income, stated, costs, share, debts, months, product: make.dossier(
        verified_monthly_income=None if stated else Money(income),
        stated_monthly_income=Money(income),
        essential_costs=Money(costs),
        figures={"debt_to_income_pct": Decimal(share)},
        cards=tuple(
            make.card(n, quote=make.quote(str(Money(fen)), credit_limit=Money(fen * line // 10)))
            for n, (fen, line) in enumerate(debts)
        ),
        lender=make.lender(months=(months,), principal_max=Money(product)),
    ),
    income=st.integers(200_000, 3_000_000),
    stated=st.booleans(),
    costs=st.integers(0, 200_000),
    share=st.integers(0, 25),
    debts=st.lists(
        st.tuples(st.integers(100_000, 8_000_000), st.integers(8, 40)), min_size=1, max_size=3
    ),
    months=st.sampled_from([12, 24, 36]),
    product=st.integers(5_000_000, 40_000_000),
)
SCORES = st.tuples(
    st.sampled_from([80_000, 140_000, 185_000, 235_000, 270_000]), st.integers(0, 60_000)
)


@settings(max_examples=200, deadline=None)
@given(told=DEBTORS, score=SCORES)
def test_the_value_that_is_named_really_changes_what_binds(told, score):
    pd, bound = Decimal(score[0]).scaleb(-6), Decimal(sum(score)).scaleb(-6)
    decision = decide(told, pd, bound)
    assume(decision.binding is not None)
    change = decision.workings.change
    event(f"{decision.binding.value} by {change.input.value if change else None}")
    assert change is not None

    there = again(told, decision, change, change.value)

    assert there.limit == change.limit
    assert there.binding is change.binding
    if change.input in {Input.PD, Input.PD_BOUND}:
        assert there.limit > decision.limit
        return
    assert there.binding is not decision.binding
    assert there.limit >= decision.limit
    before = again(told, decision, change, change.value - FEN)
    assert before.binding is decision.binding


def test_an_income_is_named_with_what_would_bind_then():
    # 4,000.00 carry 6 incomes = 24,000.00 at a bound of 18 %; two cards cost 38,095.00, so 38,100.00.
    # 6 * 6,350.00 = 38,100.00: from there on the debts are what holds the limit down.
    told = make.dossier(
        verified_monthly_income=yuan("4000.00"),
        stated_monthly_income=yuan("4000.00"),
        cards=(make.card(1, "26000.00"), make.card(2, "12000.00")),
        lender=make.lender(months=(36,)),
    )

    decision = decide(told, Decimal("0.150000"), Decimal("0.180000"))

    assert decision.binding is Constraint.RISK
    assert decision.workings.change == Change(
        input=Input.VERIFIED_INCOME,
        now=yuan("4000.00"),
        value=yuan("6350.00"),
        limit=yuan("38100.00"),
        binding=Constraint.DEBTS,
    )


def test_a_bound_above_every_cell_names_the_last_cell():
    text = (policy.FOLDER / "2026-11.toml").read_text(encoding="utf-8")
    lacking, _, _ = text.partition('[[risk.cell]]\nname = "5"')
    _, _, rest = text.partition("# A fixed cost moves no optimum")
    strict = policy.parse(f"{lacking}#{rest}".encode())
    says = make.Says("0.260000", bound="0.330000")

    decision = assessments.decide(make.dossier(), strict, says)

    assert decision.limit == Money(0)
    assert decision.binding is Constraint.RISK
    assert decision.workings.change.input is Input.PD_BOUND
    assert decision.workings.change.value == Decimal("0.320000")


def test_where_no_amount_is_worth_lending_a_probability_is_named():
    # The line of 300,000.00 over a debt of 10,000.00 is expected to be drawn again to a tenth.
    told = make.dossier(
        cards=(make.card(quote=make.quote(credit_limit=yuan("300000.00"))),),
        lender=make.lender(months=(12,)),
    )

    decision = decide(told, Decimal("0.180000"), Decimal("0.200000"))

    assert decision.binding is Constraint.PROFIT
    assert decision.limit == Money(0)
    assert decision.workings.change.input is Input.PD
    assert decision.workings.change.value < Decimal("0.180000")


@given(
    income=st.integers(0, 10**8),
    share=st.sampled_from(["0", "0.07", "0.33", "0.5", "1"]),
)
def test_a_part_of_an_amount_is_rounded_as_money_is(income, share):
    assert ceilings._part(income, Decimal(share)) == Money(income).times(Decimal(share)).fen
