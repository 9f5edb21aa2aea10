"""The settings object: defaults, spelling, and mistakes that never stop the site."""

import dataclasses
from ipaddress import ip_network

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from djmetrics import conf
from djmetrics.conf import Settings, get_problems, get_settings, load
from djmetrics.declared import declarations


def one_problem(given):
    settings, problems = load(given)
    assert len(problems) == 1
    return settings, problems[0]


@override_settings(DJMETRICS={})
def test_an_empty_dict_gives_the_defaults(monkeypatch):
    """Without settings everything is on and /metrics is closed."""
    monkeypatch.delenv("DJMETRICS_RELEASE", raising=False)
    conf._loaded.cache_clear()
    settings = get_settings()

    assert settings.enabled is True
    assert all(settings.hook_enabled(name) for name in conf.HOOKS)
    assert (settings.metrics_allowed_ips, settings.metrics_token, settings.metrics_port) == ((), "", None)
    assert settings.metrics_address == "127.0.0.1"
    assert (settings.max_operations, settings.repeated_queries, settings.release) == (5000, 5, "")
    assert settings.max_series_of("django.view.duration") == 2000
    assert settings.buckets_of("django.view.duration") is None
    assert get_problems() == ()


def test_a_missing_dict_gives_the_defaults(settings):
    """A site that has no DJMETRICS at all starts with the defaults."""
    if hasattr(settings, "DJMETRICS"):
        del settings.DJMETRICS

    assert get_settings().enabled is True
    assert get_problems() == ()


def test_settings_are_cached_until_they_are_overridden():
    """One object serves all calls, and override_settings takes effect at once and ends at its end."""
    before = get_settings()
    assert get_settings() is before
    with override_settings(DJMETRICS={"MAX_OPERATIONS": 7}):
        assert get_settings().max_operations == 7
    assert get_settings() == before

    with override_settings(ROOT_URLCONF="tests.urls"):
        cached = get_settings()
    assert get_settings() is cached


def test_settings_cannot_be_changed():
    """The object is frozen, its dicts are read-only and it has no room for further attributes."""
    settings, _ = load({"HOOKS": {"url": False}})

    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.enabled = False
    with pytest.raises(TypeError):
        settings.hooks["url"] = True
    assert not hasattr(settings, "__dict__")


def test_every_value_arrives():
    """Each key is read, and lists become tuples."""
    settings, problems = load(
        {
            "ENABLED": False,
            "HOOKS": {"cache": False, "view": True},
            "EXTRA_HOOKS": ["site.hooks.Mine"],
            "EXTRA_EXPORTERS": ("site.exporters.Mine",),
            "RELEASE": "abc123",
            "BUCKETS": {"django.view.duration": [0.1, 1, 10]},
            "MAX_SERIES": 10,
            "MAX_OPERATIONS": 1,
            "REPEATED_QUERIES": 2,
            "EXCLUDE_VIEWS": ["health"],
            "METRICS_ALLOWED_IPS": ["10.0.0.0/8", "::1"],
            "METRICS_TOKEN": "a-long-enough-token",
            "METRICS_TRUSTED_PROXIES": ["10.0.0.7"],
            "METRICS_PORT": 9100,
            "METRICS_ADDRESS": "::",
        }
    )

    assert problems == ()
    assert settings == Settings(
        enabled=False,
        hooks={"cache": False, "view": True},
        extra_hooks=("site.hooks.Mine",),
        extra_exporters=("site.exporters.Mine",),
        release="abc123",
        buckets={"django_view_duration": (0.1, 1.0, 10.0)},
        max_series={"default": 10},
        max_operations=1,
        repeated_queries=2,
        exclude_views=("health",),
        metrics_allowed_ips=(ip_network("10.0.0.0/8"), ip_network("::1")),
        metrics_token="a-long-enough-token",
        metrics_trusted_proxies=(ip_network("10.0.0.7"),),
        metrics_port=9100,
        metrics_address="::",
    )
    assert not settings.hook_enabled("cache")
    assert settings.hook_enabled("view")
    assert settings.hook_enabled("database")


@pytest.mark.parametrize(
    "spelling",
    ["http.server.request.duration", "http_server_request_duration", "http_server_request_duration_seconds"],
)
def test_metrics_are_named_in_either_spelling(spelling):
    """Dotted and Prometheus names mean the same metric, when given and when asked for."""
    settings, problems = load({"BUCKETS": {spelling: [1, 2]}, "MAX_SERIES": {spelling: 3, "default": 50}})

    assert problems == ()
    for asked in ("http.server.request.duration", "http_server_request_duration_seconds"):
        assert settings.buckets_of(asked) == (1.0, 2.0)
        assert settings.max_series_of(asked) == 3
    assert settings.max_series_of("django.view.duration") == 50


def test_a_metric_named_in_both_spellings_is_a_mistake():
    """The first spelling counts; the second is reported."""
    settings, problem = one_problem(
        {"BUCKETS": {"django.view.duration": [1], "django_view_duration_seconds": [2]}}
    )

    assert settings.buckets_of("django.view.duration") == (1.0,)
    assert problem.where == "DJMETRICS['BUCKETS']['django_view_duration_seconds']"


def test_the_catalogues_own_buckets_may_be_given():
    """Whatever buckets the catalogue has, a site may write into its settings."""
    from djmetrics import catalogue

    given = {each.name: list(each.buckets) for each in catalogue.metrics() if each.kind == "histogram"}
    settings, problems = load({"BUCKETS": given})

    assert problems == ()
    for name, bounds in given.items():
        assert settings.buckets_of(name) == tuple(bounds)


def test_no_two_metrics_share_a_spelling():
    """Taking the unit off a name never makes two metrics of the catalogue one."""
    from djmetrics import catalogue
    from djmetrics.kinds import metric_key

    names = [each.name for each in catalogue.metrics()]
    assert len({metric_key(name) for name in names}) == len(names)


def test_the_release_comes_from_the_environment_unless_it_is_set(monkeypatch):
    """DJMETRICS_RELEASE is the default of RELEASE; no other setting reads the environment."""
    monkeypatch.setenv("DJMETRICS_RELEASE", "v7")

    assert load({})[0].release == "v7"
    assert load({"RELEASE": "v8"})[0].release == "v8"


@pytest.mark.parametrize(
    "given,kind,where,default",
    [
        ({"ENABLED": 1}, "type", "['ENABLED']", ("enabled", True)),
        ({"HOOKS": ["cache"]}, "type", "['HOOKS']", ("hooks", {})),
        ({"HOOKS": {"templates": False}}, "value", "['HOOKS']['templates']", ("hooks", {})),
        ({"HOOKS": {"cache": 0}}, "type", "['HOOKS']['cache']", ("hooks", {})),
        ({"EXTRA_HOOKS": "site.Hook"}, "type", "['EXTRA_HOOKS']", ("extra_hooks", ())),
        ({"EXTRA_HOOKS": ["Hook"]}, "value", "['EXTRA_HOOKS'][0]", ("extra_hooks", ())),
        ({"EXTRA_EXPORTERS": [len]}, "type", "['EXTRA_EXPORTERS'][0]", ("extra_exporters", ())),
        ({"BUCKETS": [1, 2]}, "type", "['BUCKETS']", ("buckets", {})),
        ({"BUCKETS": {"x": [2, 1]}}, "value", "['BUCKETS']['x']", ("buckets", {})),
        ({"BUCKETS": {"x": [1, 1]}}, "value", "['BUCKETS']['x']", ("buckets", {})),
        ({"BUCKETS": {"x": []}}, "value", "['BUCKETS']['x']", ("buckets", {})),
        ({"BUCKETS": {"x": [-1]}}, "value", "['BUCKETS']['x'][0]", ("buckets", {})),
        ({"BUCKETS": {"x": [float("nan")]}}, "value", "['BUCKETS']['x'][0]", ("buckets", {})),
        ({"BUCKETS": {"x": [1, float("inf")]}}, "value", "['BUCKETS']['x'][1]", ("buckets", {})),
        ({"BUCKETS": {"x": [10**400]}}, "value", "['BUCKETS']['x'][0]", ("buckets", {})),
        ({"BUCKETS": {"x": ["1"]}}, "type", "['BUCKETS']['x'][0]", ("buckets", {})),
        ({"BUCKETS": {7: [1]}}, "type", "['BUCKETS']['<int>']", ("buckets", {})),
        ({"MAX_SERIES": "10"}, "type", "['MAX_SERIES']", ("max_series", {"default": 2000})),
        ({"MAX_SERIES": True}, "type", "['MAX_SERIES']", ("max_series", {"default": 2000})),
        ({"MAX_SERIES": 0}, "value", "['MAX_SERIES']", ("max_series", {"default": 2000})),
        ({"MAX_SERIES": {"x": 0}}, "value", "['MAX_SERIES']['x']", ("max_series", {"default": 2000})),
        ({"MAX_OPERATIONS": 0}, "value", "['MAX_OPERATIONS']", ("max_operations", 5000)),
        ({"MAX_OPERATIONS": 1.5}, "type", "['MAX_OPERATIONS']", ("max_operations", 5000)),
        ({"REPEATED_QUERIES": 1}, "value", "['REPEATED_QUERIES']", ("repeated_queries", 5)),
        ({"EXCLUDE_VIEWS": {"a"}}, "type", "['EXCLUDE_VIEWS']", ("exclude_views", ())),
        ({"METRICS_ALLOWED_IPS": "::1"}, "type", "['METRICS_ALLOWED_IPS']", ("metrics_allowed_ips", ())),
        ({"METRICS_ALLOWED_IPS": [1]}, "type", "['METRICS_ALLOWED_IPS'][0]", ("metrics_allowed_ips", ())),
        (
            {"METRICS_TRUSTED_PROXIES": ["10.0.0.1", "lan"]},
            "value",
            "['METRICS_TRUSTED_PROXIES'][1]",
            ("metrics_trusted_proxies", ()),
        ),
        ({"METRICS_TOKEN": 12}, "type", "['METRICS_TOKEN']", ("metrics_token", "")),
        ({"METRICS_TOKEN": "two words"}, "value", "['METRICS_TOKEN']", ("metrics_token", "")),
        ({"METRICS_TOKEN": "line\n"}, "value", "['METRICS_TOKEN']", ("metrics_token", "")),
        ({"METRICS_PORT": "9100"}, "type", "['METRICS_PORT']", ("metrics_port", None)),
        ({"METRICS_PORT": 0}, "value", "['METRICS_PORT']", ("metrics_port", None)),
        ({"METRICS_PORT": 65536}, "value", "['METRICS_PORT']", ("metrics_port", None)),
        ({"METRICS_ADDRESS": "localhost"}, "value", "['METRICS_ADDRESS']", ("metrics_address", "127.0.0.1")),
    ],
    ids=str,
)
def test_a_mistake_is_reported_and_the_default_used(given, kind, where, default):
    """One mistake is one problem, with its kind and its place, and leaves the default in force."""
    settings, problem = one_problem(given)

    assert (problem.kind, problem.where) == (kind, f"DJMETRICS{where}")
    assert getattr(settings, default[0]) == default[1]


def test_an_unknown_key_is_reported_with_the_known_ones():
    """A misspelt key is no setting; what it could have been is kept for the hint."""
    settings, problem = one_problem({"METRICS_TOKN": "s3cret"})

    assert (problem.kind, problem.name) == ("key", "METRICS_TOKN")
    assert "METRICS_TOKEN" in problem.choices
    assert settings == load({})[0]


@pytest.mark.parametrize("wrong", [None, [], "on", 1])
def test_a_value_that_is_no_dict_is_one_mistake(wrong):
    """Whatever DJMETRICS is, the site has settings."""
    settings, problem = one_problem(wrong)

    assert (problem.kind, problem.where) == ("type", "DJMETRICS")
    assert settings == load({})[0]


def test_each_mistake_is_a_problem_of_its_own_and_the_rest_is_kept():
    """Several mistakes are all reported; right entries of a dict survive, half a list does not."""
    settings, problems = load(
        {
            "HOOKS": {"cache": False, "url": "no", "sql": True},
            "METRICS_ALLOWED_IPS": ["10.0.0.1", "everybody", "300.0.0.1"],
            "MAX_OPERATIONS": 9,
        }
    )

    assert [each.where for each in problems] == [
        "DJMETRICS['HOOKS']['url']",
        "DJMETRICS['HOOKS']['sql']",
        "DJMETRICS['METRICS_ALLOWED_IPS'][1]",
        "DJMETRICS['METRICS_ALLOWED_IPS'][2]",
    ]
    assert settings.hooks == {"cache": False}
    assert settings.metrics_allowed_ips == ()
    assert settings.max_operations == 9


@pytest.mark.parametrize("token", ["sup3r secret", "sup3r\tsecret", b"sup3r secret", "sup3r-secret"])
def test_the_token_is_never_shown(token):
    """Neither the settings' repr nor a problem holds the token's value."""
    settings, problems = load({"METRICS_TOKEN": token})

    assert "sup3r" not in repr(settings)
    assert "sup3r" not in repr(problems)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.sampled_from([10**500, object(), len, "10.0.0.0/8", "a.b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from([each.key for each in declarations(Settings)]) | st.text() | st.integers()


@given(st.dictionaries(keys, anything) | anything)
def test_nothing_that_a_site_can_write_raises(given):
    """Any value at all gives a complete settings object whose values fit their declared types."""
    settings, _ = load(given)

    assert settings.max_series["default"] >= 1
    assert isinstance(settings.metrics_token, str)
    assert all(isinstance(value, bool) for value in settings.hooks.values())
    assert settings.metrics_port is None or 0 < settings.metrics_port < 65536
    # What was understood once is understood again: no problem hides behind another one.
    assert (
        load({"HOOKS": settings.hooks, "BUCKETS": settings.buckets, "MAX_SERIES": settings.max_series})[1]
        == ()
    )


def test_every_setting_is_declared_for_the_docs():
    """The reference table has a row for each field, with a type, a default as a site writes it and a sentence."""
    rows = list(declarations(Settings))

    assert [row.key.lower() for row in rows] == [field.name for field in dataclasses.fields(Settings)]
    for row in rows:
        assert row.type
        assert row.help.endswith(".")
    written = {row.key: eval(row.default) for row in rows}
    assert load(written) == (load({"RELEASE": ""})[0], ())
