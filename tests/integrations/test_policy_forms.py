"""The form in which an admin says what a level decides: what it makes of what is posted, on each level."""

import hypothesis
import pytest
from django.http import QueryDict
from hypothesis import strategies as st

from integrations import wording
from integrations.differences import NOTHING, compare, describe, find_changed, merge
from integrations.host_names import parse_host
from integrations.levels import Layer, parse_layer, resolve
from integrations.policy import CallScheme, Level, Mode, Prompt, TimeChange, problems
from integrations.policy_forms import PolicyForm, dump_base, dump_form, parse_base

ORGANIZATION, SALES, ALICE = Layer(Level.ORGANIZATION), Layer(Level.GROUP, "Sales"), Layer(Level.MEMBER)


@pytest.fixture(autouse=True)
def all_three_services(settings):
    """As installed: the words and settings of each service come from the service itself."""
    settings.PROVIDERS = {
        "google": "integrations.providers.google.Google",
        "office365": "integrations.providers.office365.Office365",
        "exchange": "integrations.providers.exchange.Exchange",
    }
    keys = {"client_id": "id", "client_secret": "secret"}
    settings.PROVIDER_SETTINGS = {"google": keys, "office365": keys, "exchange": {}}


def post(layer, *, above=(), **changes):
    """The form as a browser sends it with some fields changed; a name's "__" stands for "." and "lock_" for a lock."""
    data = QueryDict(mutable=True)
    changes = {name.replace("__", ".").replace("lock_", "lock-").replace("say_", "say-"): value
               for name, value in changes.items()}  # fmt: skip
    for name, value in {**dump_form(layer), **changes}.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return PolicyForm(data, layer=layer, above=above)


def read(layer, *, above=(), **changes):
    form = post(layer, above=above, **changes)
    assert form.is_valid(), form.errors
    return form.new_layer


# --- what comes out -------------------------------------------------------------------------------------------------


FULL = {
    "enabled": True,
    "default_service": "office365",
    "prompt": Prompt.ONCE,
    "mailbox_domains": frozenset({"northwind.example"}),
    "own_mailbox": True,
    "join_services": frozenset({"teams", "webex"}),
    "vanity_hosts": frozenset({"meet.northwind.example"}),
    "time_change": TimeChange.SEPARATE_EVENT,
    "call_scheme": CallScheme.TEL,
    "grace_days": 14,
    "google.offered": False,
    "office365.calendar_write": Mode.OFF,
    "office365.require_oauth": False,
    "exchange.ews_url": "https://mail.northwind.example/EWS/Exchange.asmx",
    "exchange.ews_hosts": frozenset({"mail.northwind.example", "exchange"}),
    "exchange.versions": frozenset({"2019"}),
}


@pytest.mark.parametrize("level", list(Level))
def test_what_is_stored_comes_back_unchanged_from_the_page(level):
    layer = Layer(level, "Sales" if level is Level.GROUP else "", FULL, frozenset({"enabled", "exchange.versions"}))
    assert read(layer) == layer
    assert read(Layer(level)) == Layer(level)


def test_every_setting_there_is_stands_on_the_page_once(settings):
    shown = [row.setting.name for section in PolicyForm(layer=ORGANIZATION).sections() for row in section.rows]
    assert sorted(shown) == sorted(setting.name for setting in wording.list_settings())


def test_an_organization_that_leaves_portico_as_it_comes_says_nothing():
    assert read(ORGANIZATION, grace_days="7", google__calendar_read="ask").choices == {}
    assert read(ORGANIZATION, grace_days="3").choices == {"grace_days": 3}


def test_a_default_that_is_locked_is_said():
    locked = read(ORGANIZATION, lock_own_mailbox="on")
    assert (locked.choices, locked.locks) == ({"own_mailbox": False}, {"own_mailbox"})
    joins = parse_layer(Level.ORGANIZATION, {}, ["join_services"])
    assert read(joins) == joins
    # Without its lock it is no more than Portico's default again.
    assert read(locked, lock_own_mailbox="").choices == {}


def test_what_this_server_has_no_use_for_is_kept_as_it_is_stored(settings):
    choices = {"other.offered": False, "default_service": "elsewhere", "join_services": frozenset({"gone"})}
    layer = Layer(Level.ORGANIZATION, "", choices, frozenset({"other.offered"}))
    assert read(layer) == layer
    assert read(layer, own_mailbox="yes").choices["other.offered"] is False


def test_a_group_says_only_what_it_decides_and_an_empty_list_is_something_said():
    assert read(SALES, google__calendar_write="off").choices == {"google.calendar_write": Mode.OFF}
    assert read(SALES, say_mailbox_domains="own", mailbox_domains="").choices == {"mailbox_domains": frozenset()}
    assert read(SALES, say_mailbox_domains="", mailbox_domains="typed.example").choices == {}
    assert read(SALES, default_service="none").choices == {"default_service": ""}
    assert read(SALES, own_mailbox="no").choices == {"own_mailbox": False}


def test_a_lock_on_what_is_left_to_the_level_above_is_refused_with_a_sentence():
    form = post(SALES, lock_prompt="on")
    assert form.errors == {"lock-prompt": ["Say what to lock, or take the lock off."]}
    assert read(SALES, lock_prompt="on", prompt="once").locks == {"prompt"}


def test_what_a_lock_above_has_fixed_is_disabled_says_who_and_cannot_be_posted():
    above = [Layer(Level.ORGANIZATION, "", {"google.calendar_write": Mode.OFF}, frozenset({"google.calendar_write"}))]
    form = post(SALES, above=above, google__calendar_write="on", lock_google__calendar_write="on")
    (row,) = [r for s in form.sections() for r in s.rows if r.setting.name == "google.calendar_write"]
    assert row.locked_by.label == "Organization"
    assert row.field.field.disabled
    assert row.field.value() == "off"
    assert form.is_valid()
    assert form.new_layer.choices == {}
    assert read(SALES, google__calendar_write="on").choices == {"google.calendar_write": Mode.ON}


def test_what_a_group_said_before_the_lock_is_shown_as_resting():
    above = [Layer(Level.ORGANIZATION, "", {"prompt": Prompt.NEVER}, frozenset({"prompt"}))]
    group = Layer(Level.GROUP, "Sales", {"prompt": Prompt.ONCE})
    (row,) = [r for s in PolicyForm(layer=group, above=above).sections() for r in s.rows if r.setting.name == "prompt"]
    assert row.resting == "Once"
    assert read(group, above=above) == group


def test_each_row_says_what_holds_where_nothing_is_said_and_who_says_so():
    above = [Layer(Level.ORGANIZATION, "", {"prompt": Prompt.ONCE}), Layer(Level.GROUP, "Sales", {"own_mailbox": True})]
    rows = {r.setting.name: r for s in PolicyForm(layer=ALICE, above=above).sections() for r in s.rows}
    assert rows["prompt"].inherited == "Once (Organization)"
    assert rows["own_mailbox"].inherited == "Yes (Group Sales)"
    assert rows["grace_days"].inherited == "7 days (Portico's default)"


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("https://mail.example.com/EWS", "“https://mail.example.com/EWS” is a whole address. Write the domain alone: "
         "mail.example.com."),
        ("s@example.com", "“s@example.com” is a mail address. Write the domain alone, which stands behind the @."),
        ("*.example.com", "“*.example.com”: a star stands for nothing here. Write each domain on a line of its own."),
        ("exam ple.com", "“exam ple.com” is not a domain. Write it like example.com."),
        ("bücher.example", "“bücher.example” holds letters beyond a to z. Write it as xn--bcher-kva.example."),
        ("example", "“example” is not a domain. Write it like example.com."),
        ("-a.com", "“-a.com” is not a domain. Write it like example.com."),
        ("a" * 64 + ".com", f"“{'a' * 59}…” is not a domain. Write it like example.com."),
    ],
)  # fmt: skip
def test_a_wrong_line_is_refused_by_its_own_sentence_and_stays_as_it_was_typed(written, sentence):
    form = post(ORGANIZATION, mailbox_domains=f"good.example\n{written}")
    assert form.errors == {"mailbox_domains": [sentence]}
    assert form["mailbox_domains"].value() == f"good.example\n{written}"


def test_lists_are_read_line_by_line_with_or_without_commas_and_the_at_sign():
    layer = read(ORGANIZATION, mailbox_domains="@Northwind.Example.\r\n\r\nrival.example, third.example;fourth.example")
    assert layer.choices["mailbox_domains"] == {"northwind.example", "rival.example", "third.example", "fourth.example"}
    assert read(ORGANIZATION, exchange__ews_hosts="exchange").choices["exchange.ews_hosts"] == {"exchange"}


def test_a_list_that_is_too_long_is_refused():
    form = post(ORGANIZATION, mailbox_domains="\n".join(f"d{n}.example" for n in range(201)))
    assert form.errors == {"mailbox_domains": ["These are 201 entries; there is room for 200."]}


@pytest.mark.parametrize("url", ["http://mail.example.com/EWS", "mail.example.com", "https://", "https://a@b.example/",
                                 "https://mail.example.com:x/", "https://[::1", "javascript:alert(1)"])  # fmt: skip
def test_an_ews_url_that_is_no_whole_https_address_is_refused(url):
    form = post(ORGANIZATION, exchange__ews_url=url)
    assert "Write the whole address" in form.errors["exchange.ews_url"][0]


@pytest.mark.parametrize(
    "changes",
    [{"grace_days": "91"}, {"grace_days": "-1"}, {"grace_days": "1.5"}, {"grace_days": ""}, {"prompt": "hourly"},
     {"enabled": ""}, {"google__calendar_read": "<script>"}, {"join_services": ["teams", "carrier pigeon"]},
     {"exchange__versions": ["1999"]}, {"default_service": "pigeons"}],
)  # fmt: skip
def test_a_value_that_is_none_is_refused_in_its_own_place(changes):
    form = post(ORGANIZATION, **changes)
    assert list(form.errors) == [next(iter(changes)).replace("__", ".")]


def test_choices_that_contradict_each_other_are_refused_by_the_sentence_of_the_policy():
    form = post(ORGANIZATION, google__calendar_read="off", google__calendar_write="on")
    assert form.non_field_errors() == ["Google: Calendar write cannot be on while Calendar read is off."]
    elsewhere = "https://elsewhere.example/EWS/Exchange.asmx"
    form = post(ORGANIZATION, exchange__ews_url=elsewhere, exchange__ews_hosts="mail.example.com")
    assert form.non_field_errors() == [
        "Exchange: the EWS URL leads to elsewhere.example, which is not among the allowed hosts."
    ]


def test_a_group_that_contradicts_what_stands_above_it_is_refused():
    above = [Layer(Level.ORGANIZATION, "", {"google.calendar_read": Mode.OFF})]
    form = post(SALES, above=above, google__calendar_write="on")
    assert form.non_field_errors() == ["Google: Calendar write cannot be on while Calendar read is off."]
    assert read(SALES, above=above, google__calendar_write="on", google__calendar_read="on")


# --- two admins -----------------------------------------------------------------------------------------------------


def test_what_only_one_of_two_admins_changed_is_taken_from_them_and_what_both_changed_is_disputed():
    base = Layer(Level.ORGANIZATION, "", {"prompt": Prompt.ONCE, "grace_days": 3, "own_mailbox": True})
    theirs = Layer(Level.ORGANIZATION, "", {"prompt": Prompt.NEVER, "grace_days": 3}, frozenset({"grace_days"}))
    mine = Layer(Level.ORGANIZATION, "", {"prompt": Prompt.UNTIL_DONE, "grace_days": 3, "own_mailbox": True,
                                          "google.offered": False})  # fmt: skip
    merged = merge(base, theirs=theirs, mine=mine)
    assert merged.layer.choices == {"prompt": Prompt.UNTIL_DONE, "grace_days": 3, "google.offered": False}
    assert merged.layer.locks == {"grace_days"}
    assert [one.label for one in merged.theirs] == ["Only the member's own address", "Ask to connect after sign-in",
                                                    "Grace period"]  # fmt: skip
    (disputed,) = merged.disputed
    assert (disputed.before, disputed.after) == ("Never", "At each sign-in, until connected")


def test_two_admins_who_changed_the_same_to_the_same_do_not_dispute_it():
    changed = Layer(Level.ORGANIZATION, "", {"grace_days": 1})
    merged = merge(ORGANIZATION, theirs=changed, mine=changed)
    assert merged.disputed == []
    assert merged.layer == changed


def test_differences_are_said_in_words_also_of_what_is_stored():
    after = Layer(Level.ORGANIZATION, "", {"google.calendar_write": Mode.OFF}, frozenset({"google.calendar_write"}))
    (one,) = compare(ORGANIZATION, after)
    assert (one.label, one.after) == ("Google: Calendar write", "Off, locked")
    assert one.before == "Ask: the member chooses (Portico's default)"
    (stored,) = describe({"google.calendar_write": None}, {"google.calendar_write": ["off", True]}, level=Level.GROUP)
    assert (stored.before, stored.after) == (NOTHING, "Off, locked")
    (odd,) = describe({"prompt": ["hourly", False]}, {}, level=Level.ORGANIZATION)
    assert odd.before == "Something this version of Portico does not know"


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", '{"choices": {"nope": 1}, "locks": []}', "[" * 100_000])
def test_where_an_admin_began_is_read_back_and_nonsense_counts_as_what_is_stored(text):
    layer = Layer(Level.GROUP, "Sales", {"prompt": Prompt.ONCE}, frozenset({"prompt"}))
    assert parse_base(dump_base(layer), SALES) == layer
    assert parse_base(text, SALES) == SALES


def test_a_host_name_is_written_alone():
    assert parse_host("Meet.Example.com.") == "meet.example.com"
    with pytest.raises(ValueError, match=r"Write the host name alone: meet\.example\.com"):
        parse_host("meet.example.com/my/name")


# --- over random layers ---------------------------------------------------------------------------------------------

SOME_NAMES = st.frozensets(st.sampled_from(["a.example", "b.example", "c-d.example"]), max_size=3)
VALUES = {
    "default_service": st.sampled_from(["", "google", "exchange"]),
    "mailbox_domains": SOME_NAMES,
    "vanity_hosts": SOME_NAMES,
    "ews_hosts": SOME_NAMES,
    "join_services": st.frozensets(st.sampled_from(["teams", "webex", "jitsi"])),
    "versions": st.frozensets(st.sampled_from(["2016", "2019", "SE"])),
    "ews_url": st.sampled_from(["", "https://a.example/EWS/Exchange.asmx"]),
    "grace_days": st.integers(0, 90),
    "prompt": st.sampled_from(Prompt),
    "time_change": st.sampled_from(TimeChange),
    "call_scheme": st.sampled_from(CallScheme),
}


def draw_layers(level):
    """Layers as a form of this level may have made them."""

    @st.composite
    def draw_layer(draw):
        choices, locks = {}, set()
        for setting in wording.list_settings():
            other = st.booleans() if isinstance(setting.default, bool) else st.sampled_from(Mode)
            said = draw(st.none() | VALUES.get(setting.field, other))
            is_locked = draw(st.booleans())
            is_default = said == setting.default or (setting.field == "join_services" and not said)
            if said is not None and (is_locked or level is not Level.ORGANIZATION or not is_default):
                choices[setting.name] = said
                locks |= {setting.name} if is_locked else set()
        return Layer(level, "", choices, frozenset(locks))

    return draw_layer()


@pytest.mark.parametrize("level", [Level.ORGANIZATION, Level.MEMBER])
def test_any_layer_without_contradictions_comes_back_from_the_form_as_it_was(level):
    @hypothesis.settings(max_examples=40, deadline=None)
    @hypothesis.given(draw_layers(level))
    def check(layer):
        hypothesis.assume(not problems(resolve([layer])))
        assert read(layer) == layer

    check()


def test_two_admins_changes_put_together_keep_to_their_laws():
    @hypothesis.settings(max_examples=100, deadline=None)
    @hypothesis.given(*[draw_layers(Level.ORGANIZATION)] * 3)
    def check(base, theirs, mine):
        assert merge(base, theirs=base, mine=mine).layer == mine
        assert merge(base, theirs=theirs, mine=base).layer == theirs
        merged = merge(base, theirs=theirs, mine=mine)
        by_me, by_them = find_changed(base, mine), find_changed(base, theirs)
        assert not find_changed(merged.layer, mine) & by_me
        assert find_changed(merged.layer, theirs) <= by_me
        assert {one.name for one in merged.theirs} == by_them
        assert {one.name for one in merged.disputed} == by_me & by_them & find_changed(theirs, mine)

    check()
