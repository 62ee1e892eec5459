from __future__ import annotations

import pytest

from disbursement import funders, products, quotes
from disbursement.records.funders import LicenceType
from kernel import db, law
from kernel.actors import system
from kernel.money import Money
from kernel.rates import Rate
from tests.underwriting import builders as make
from tests.underwriting.sources import world
from underwriting import assessments, gathering, lenders, policy
from underwriting.decisions import Outcome
from underwriting.dossier import AccountType
from underwriting.inquiries import ReferredCase
from underwriting.reasons import Reason
from underwriting.sources.asking import SourceSilent

POLICY = policy.load("2026-08")


def gather(surroundings, *cards, **changes):
    return gathering.gather(world.request(*cards, **changes), surroundings=surroundings, at=make.AT)


def test_everything_the_sources_say_is_in_the_dossier(sandbox, surroundings):
    world.load(
        sandbox,
        world.card(
            instalment_offer={
                "months": 12,
                "monthly_fee_rate": "0.006",
                "monthly_payment": "893.33",
                "total_cost": "720.00",
            }
        ),
    )

    found = gather(surroundings)

    told = found.dossier
    assert told.age == 36
    assert told.verified_monthly_income == Money.yuan("8000.00")
    assert (told.income_source, told.employment_months) == ("tax", 60)
    assert told.has_bureau_file
    card = told.cards[0]
    assert card.quote.amount == Money.yuan("10000.00")
    assert card.quote.per_diem == Money.yuan("5.00")
    assert card.quote.minimum_due == Money.yuan("1000.00")
    assert card.offer.monthly_payment == Money.yuan("893.33")
    assert [answer.source for answer in found.evidence] == [
        "watchlists",
        "bureau",
        "income",
        "issuers",
    ]
    assert all(answer.reference for answer in found.evidence)


@pytest.mark.parametrize(
    ("stated", "card", "over"),
    [
        ("16000.00", 1, make.Decimal("60.0000")),  # the issuer says 10,000.00
        ("9000.00", 1, make.Decimal("0.0000")),
        ("16000.00", 7, None),  # of a card that the debtor did not enter
        (None, 1, None),
    ],
)
def test_an_agency_s_figure_far_above_the_issuer_s_is_told_in_percent(  # noqa: PLR0917
    sandbox, surroundings, stated, card, over
):
    world.load(sandbox)
    case = ReferredCase(
        agency="A1",
        stated_balance=None if stated is None else Money.yuan(stated),
        stated_card_ref=make.ref(card),
        hardship_signature=None,
    )

    told = gather(surroundings, case=case).dossier

    assert told.figures.get("balance_over_verified_pct") == over


def test_what_the_bureau_tells_event_by_event_is_frozen_with_what_rules_look_at(
    sandbox, surroundings
):
    asked = {"at": "2026-11-19T09:00:00+08:00", "kind": "cash_loan", "organisation": "L001"}
    world.load(sandbox, inquiries=[asked, {**asked, "organisation": "L002"}])

    found = gather(surroundings)

    told = found.dossier
    assert [inquiry.organisation for inquiry in told.bureau_file.inquiries] == ["L001", "L002"]
    assert told.bureau_file.accounts is None
    assert told.figures["lender_inquiries_7d"] == 2
    assert b'"organisation":"L001"' in found.evidence[1].body


def test_nothing_personal_is_in_the_dossier_or_the_evidence(sandbox, surroundings):
    world.load(sandbox)

    found = gather(surroundings)

    kept = found.dossier.to_bytes() + b"".join(answer.body for answer in found.evidence)
    for plain in (world.ID_NUMBER, world.NAME, world.MOBILE, world.CARD):
        assert plain.encode() not in kept


def test_a_request_shows_itself_masked():
    shown = repr(world.request())

    for plain in (world.ID_NUMBER, world.NAME, world.MOBILE, world.CARD):
        assert plain not in shown


def test_without_a_proof_the_stated_facts_stand(sandbox, surroundings):
    world.load(sandbox, monthly_income=None)

    told = gather(surroundings).dossier

    assert told.verified_monthly_income is None
    assert told.stated_monthly_income == Money.yuan("8500.00")
    assert told.employment_months == 12


@pytest.mark.parametrize("mode", ["http_500", "garbage"])
def test_a_silent_income_source_leaves_the_income_unverified(sandbox, surroundings, mode):
    world.load(sandbox)
    world.outage(sandbox, "income", mode)

    found = gather(surroundings)

    assert found.dossier.verified_monthly_income is None
    assert found.evidence[2].body == b'{"nothing":"silent"}'


@pytest.mark.parametrize("partner", ["bureau", "watchlists", "issuers"])
@pytest.mark.parametrize("mode", ["http_500", "garbage"])
def test_any_other_silence_decides_nothing(sandbox, surroundings, partner, mode):
    world.load(sandbox)
    world.outage(sandbox, partner, mode)

    with pytest.raises(SourceSilent) as silence:
        gather(surroundings)
    assert silence.value.source == partner


def test_cards_that_cannot_be_cleared_are_told_apart(sandbox, surroundings):
    world.load(
        sandbox,
        world.card(),
        world.card(world.DEBIT, account_type="debit"),
        world.card("6225880000000003", state="frozen"),
    )

    told = gather(
        surroundings,
        world.asked(),
        world.asked(world.DEBIT, make.ref(2)),
        world.asked("6225880000000003", make.ref(3)),
        world.asked("6225880000000009", make.ref(4)),
        world.asked(ref=make.ref(5), issuer_code="ICBC"),
    ).dossier

    assert [(card.account_type, card.payable, card.quote is None) for card in told.cards] == [
        (AccountType.CREDIT, True, False),
        (AccountType.DEBIT, False, True),
        (AccountType.CREDIT, False, True),
        (AccountType.UNKNOWN, False, True),
        (AccountType.UNKNOWN, False, True),
    ]


def test_what_is_owed_on_a_stranger_s_card_is_not_asked(sandbox, surroundings):
    world.load(sandbox)
    other = world.FIRST_17[:-1] + "4"
    world.load(
        sandbox,
        world.card("6225880000000007"),
        national_id=other + "0",
        name="王旁人",
    )

    found = gather(surroundings, world.asked("6225880000000007"))

    card = found.dossier.cards[0]
    assert not card.name_matches
    assert card.quote is None
    assert found.quotes == ()
    decision = assessments.decide(found.dossier, POLICY, make.MustNotScore())
    assert decision.reasons == (Reason.CARD_NAME_MISMATCH,)


def test_more_cards_than_any_door_lets_in_are_not_asked_about(surroundings):
    cards = [world.asked(ref=make.ref(n)) for n in range(21)]

    with pytest.raises(ValueError):
        gather(surroundings, *cards)


def test_what_was_gathered_is_decided_and_kept(sandbox, surroundings, database):
    world.load(sandbox)
    found = gather(surroundings)

    decision = assessments.decide(found.dossier, POLICY, make.Says("0.100000"))
    with db.transaction() as session:
        kept = assessments.record(session, found, decision, by=system("assess"), at=make.AT)

    assert kept.outcome is Outcome.APPROVE
    with db.transaction() as session:
        assert quotes.latest(session, make.ref(1)).amount == Money.yuan("10000.00")
        assert assessments.dossier_of(assessments.get(session, kept.id)) == found.dossier


def test_the_lender_s_terms_are_the_product_s_under_the_law(session):
    funders.add(
        session,
        code="XDCF",
        name="测试消费金融",
        licence=LicenceType.CONSUMER_FINANCE,
        issuer_code=None,
        at=make.AT,
    )
    products.publish(
        session,
        funder_code="XDCF",
        months=(12, 24, 36),
        principal_min=Money.yuan("500.00"),
        principal_max=Money.yuan("200000.00"),
        at=make.AT,
    )

    found = lenders.terms(session, "XDCF", at=make.AT)

    assert found == make.lender(
        annual_cap=Rate.percent(
            law.rule("price_caps", on=make.AT.date()).values["consumer_finance"]
        )
    )
