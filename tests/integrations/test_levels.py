"""The law of levels, over every stack of an organization, two groups and a member that there is."""

from collections.abc import Iterator, Sequence
from itertools import product

import pytest

from integrations.levels import (
    POLICY_SETTINGS,
    Layer,
    dump_choices,
    dump_value,
    find_lock_above,
    find_setting,
    parse_layer,
    resolve,
    settings_of_service,
)
from integrations.permissions import Permission
from integrations.policy import Level, Mode, Policy, Prompt, ServicePolicy, Source

PLACES = [(Level.ORGANIZATION, ""), (Level.GROUP, "First"), (Level.GROUP, "Second"), (Level.MEMBER, "")]
PARTICULAR = (3, 1, 2, 0)
"""Positions in PLACES, the most particular first; of two groups the first decides."""

Said = tuple[object, bool] | None
"""What one level says of one setting: (value, whether it locks it), or nothing."""


def stacks(values: Sequence[object]) -> Iterator[tuple[Said, ...]]:
    every: list[Said] = [None, *product(values, (False, True))]
    yield from product(every, repeat=len(PLACES))


def layers_of(setting: str, stack: Sequence[Said]) -> list[Layer]:
    layers = []
    for (level, name), said in zip(PLACES, stack, strict=True):
        choices, locks = ({setting: said[0]}, frozenset({setting} if said[1] else ())) if said else ({}, frozenset())
        layers.append(Layer(level, name, choices, locks))
    return layers


def outcome(setting: str, stack: Sequence[Said]) -> tuple[object, Source]:
    policy = resolve(layers_of(setting, stack))
    if "." not in setting:
        return getattr(policy, setting), policy.source(setting)
    service, name = setting.split(".")
    found = policy.services.get(service, ServicePolicy())
    value = found.mode(Permission(name)) if name in set(Permission) else getattr(found, name)
    return value, found.source(name)


FLAG, MODE = "google.offered", "google.calendar_write"
CASES = [(FLAG, (False, True)), (MODE, tuple(Mode))]
FLAGS = list(stacks((False, True)))
every_setting = pytest.mark.parametrize(("setting", "values"), CASES, ids=[name for name, _ in CASES])


def test_there_are_as_many_stacks_as_counting_by_hand_gives():
    assert len(FLAGS) == 5**4
    assert len(list(stacks(tuple(Mode)))) == 7**4


@every_setting
def test_the_topmost_lock_decides_and_says_so(setting, values):
    for stack in stacks(values):
        locked = next((at for at, said in enumerate(stack) if said and said[1]), None)
        if locked is not None:
            level, name = PLACES[locked]
            assert outcome(setting, stack) == (stack[locked][0], Source(level, name, is_locked=True))


@every_setting
def test_without_a_lock_the_most_particular_choice_decides_and_the_first_group_before_the_second(setting, values):
    for stack in stacks(values):
        if any(said and said[1] for said in stack):
            continue
        chosen = next((at for at in PARTICULAR if stack[at]), None)
        if chosen is None:
            default = find_setting(setting).default
            assert outcome(setting, stack) == (default, Source())
        else:
            level, name = PLACES[chosen]
            assert outcome(setting, stack) == (stack[chosen][0], Source(level, name))


@every_setting
def test_nothing_below_a_lock_can_widen_or_narrow_it(setting, values):
    seen: dict[tuple[Said, ...], set[tuple[object, Source]]] = {}
    for stack in stacks(values):
        locked = next((at for at, said in enumerate(stack) if said and said[1]), None)
        if locked is not None:
            seen.setdefault(stack[: locked + 1], set()).add(outcome(setting, stack))
    assert all(len(outcomes) == 1 for outcomes in seen.values())
    assert seen


@every_setting
def test_resolving_is_idempotent(setting, values):
    """What holds, said by the organization with a lock and nobody else, is what holds; saying it twice adds nothing."""
    for stack in stacks(values):
        value, _ = outcome(setting, stack)
        assert outcome(setting, ((value, True), None, None, None))[0] == value
        assert outcome(setting, ((value, True), *stack[1:]))[0] == value
        layers = layers_of(setting, stack)
        assert resolve([layer for layer in layers for _ in range(2)]) == resolve(layers)


TIGHTER = {True: (False,), Mode.ASK: (Mode.OFF,), Mode.ON: (Mode.OFF,)}
"""What allows less than each value does."""


@every_setting
def test_tightening_what_one_level_says_never_allows_anybody_more(setting, values):
    for stack in stacks(values):
        value, _ = outcome(setting, stack)
        for at, said in enumerate(stack):
            for less in TIGHTER.get(said[0], ()) if said else ():
                now, _ = outcome(setting, (*stack[:at], (less, said[1]), *stack[at + 1 :]))
                assert now == value or now in TIGHTER.get(value, ())


def test_settings_are_decided_apart_from_each_other():
    for first, second in zip(FLAGS[::7], FLAGS[::-7], strict=True):
        one, other = layers_of("enabled", first), layers_of(FLAG, second)
        both = [
            Layer(a.level, a.name, {**a.choices, **b.choices}, a.locks | b.locks)
            for a, b in zip(one, other, strict=True)
        ]
        policy = resolve(both)
        assert (policy.enabled, policy.source("enabled")) == outcome("enabled", first)
        assert policy.services.get("google", ServicePolicy()).offered == outcome(FLAG, second)[0]


def test_levels_that_say_nothing_leave_portico_as_it_comes():
    assert resolve([]) == Policy()
    assert resolve([Layer(level, name) for level, name in PLACES]) == Policy()


def test_the_lock_above_is_the_topmost():
    above = layers_of(FLAG, ((True, False), (True, True), (False, True), None))[:3]
    assert find_lock_above(FLAG, above) == Source(Level.GROUP, "First", is_locked=True)
    assert find_lock_above("enabled", above) is None


def test_every_setting_has_a_default_that_its_own_parser_takes():
    for name, setting in (POLICY_SETTINGS | settings_of_service("google")).items():
        assert find_setting(name) == setting
        assert setting.parse(dump_value(setting.default)) == setting.default


def test_every_setting_reaches_the_policy():
    values = {
        "enabled": False, "default_service": "google", "mailbox_domains": ["example.com"], "own_mailbox": True,
        "prompt": "once", "join_services": ["webex"], "vanity_hosts": ["meet.example.com"],
        "time_change": "separate_event", "scheduling_privilege": False, "call_scheme": "tel", "grace_days": 3,
    }  # fmt: skip
    of_service = {
        "offered": False, **dict.fromkeys(Permission, "off"), "require_oauth": False,
        "ews_url": "https://mail.example.com/", "ews_hosts": ["mail.example.com"], "versions": ["2019"],
    }  # fmt: skip
    assert set(values) == set(POLICY_SETTINGS)
    assert {f"google.{name}" for name in of_service} == set(settings_of_service("google"))
    said = values | {f"google.{name}": value for name, value in of_service.items()}
    layer = parse_layer(Level.ORGANIZATION, said, [])
    assert parse_layer(Level.ORGANIZATION, dump_choices(layer), []) == layer
    policy = resolve([layer])
    assert policy.join_services == {"zoom", "portico", "webex"}
    assert policy.prompt is Prompt.ONCE
    for name in values.keys() - {"join_services"}:
        assert getattr(policy, name) == layer.choices[name] != getattr(Policy(), name)
    service = policy.services["google"]
    assert all(service.mode(one) is Mode.OFF for one in Permission)
    for name in of_service.keys() - set(Permission):
        assert getattr(service, name) == layer.choices[f"google.{name}"] != getattr(ServicePolicy(), name)


def test_names_are_kept_as_they_are_compared():
    said = {
        "vanity_hosts": ["Meet.Example.COM."],
        "mailbox_domains": ["@Example.com"],
        "exchange.ews_hosts": [" M.EX "],
    }
    layer = parse_layer(Level.ORGANIZATION, said, [])
    assert dump_choices(layer) == {
        "exchange.ews_hosts": ["m.ex"], "mailbox_domains": ["example.com"], "vanity_hosts": ["meet.example.com"],
    }  # fmt: skip


def test_a_lock_on_what_was_not_chosen_locks_the_default():
    layer = parse_layer(Level.ORGANIZATION, {}, ["google.require_oauth"])
    assert layer.choices == {"google.require_oauth": True}
    assert layer.is_locked("google.require_oauth")


def test_a_bare_on_or_off_in_a_file_is_a_mode():
    layer = parse_layer(Level.GROUP, {"google.calendar_read": True, "google.contacts_read": False}, [])
    assert layer.choices == {"google.calendar_read": Mode.ON, "google.contacts_read": Mode.OFF}


@pytest.mark.parametrize(
    ("choices", "locks", "sentence"),
    [
        ({"telepathy": True}, [], "There is no setting called 'telepathy'."),
        ({"google.telepathy": "on"}, [], "There is no setting called 'google.telepathy'."),
        ({1: True}, [], "There is no setting called 1."),
        ({}, ["google"], "There is no setting called 'google' to lock."),
        ({"enabled": "yes"}, [], "enabled is true or false."),
        ({"google.calendar_read": "perhaps"}, [], "google.calendar_read is one of ask, on, off."),
        ({"prompt": "always"}, [], "prompt is one of never, once, until_done."),
        ({"prompt": ["once"]}, [], "prompt is one of never, once, until_done."),
        ({"grace_days": 91}, [], "grace_days is a number of days, at most 90."),
        ({"grace_days": True}, [], "grace_days is a number of days, at most 90."),
        ({"vanity_hosts": "meet.example.com"}, [], "vanity_hosts is a list of at most 200 names."),
        ({"vanity_hosts": [" "]}, [], "vanity_hosts is a list of names."),
        ({"exchange.ews_url": 1}, [], "exchange.ews_url is a text of at most 500 characters."),
        (["enabled"], [], "Choices are names with values, and locks are a list of names."),
        ({}, "enabled", "Choices are names with values, and locks are a list of names."),
    ],
)
def test_what_is_no_policy_is_refused_with_a_sentence(choices, locks, sentence):
    with pytest.raises(ValueError) as refusal:
        parse_layer(Level.ORGANIZATION, choices, locks)
    assert str(refusal.value) == sentence
