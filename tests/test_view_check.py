"""Objectives on views: those that no URL leads to are named."""

import functools
from typing import Any

import pytest
from django.core import checks as django_checks
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path
from django.views import View

from djmetrics import testing, view_check
from djmetrics.conf import get_settings


def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("page")


class Page(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")


class Caller:
    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")


inner = ([path("pay/", page, name="pay"), path("nameless/", page)], "shop")
urlpatterns = [
    path("named/", page, name="named"),
    path("nameless/", page),
    path("class/", Page.as_view()),
    path("object/", Caller()),
    path("partial/", functools.partial(page, 1)),
    path("shop/", include(inner)),
    path("outlet/", include((*inner,), namespace="outlet")),
    path("deep/", include(([path("er/", include(inner))], "deep"))),
]
PATHS = [
    *("/named/", "/nameless/", "/class/", "/object/", "/partial/", "/shop/pay/", "/shop/nameless/"),
    *("/outlet/pay/", "/deep/er/pay/", "/nowhere/"),
]


def checked(*views: str, urlconf: str = __name__) -> list[str]:
    """What the system checks say of an objective on these views."""
    slos = {"up": {"OBJECTIVE": 0.9, "VIEWS": list(views)}}
    given = {"METRICS_TOKEN": "a-token-that-is-long-enough", "SLOS": slos}
    with override_settings(DJMETRICS=given, ROOT_URLCONF=urlconf):
        messages = django_checks.run_checks(tags=["djmetrics"])
    return [f"{each.msg} {each.hint}" for each in messages if each.id == "djmetrics.W016"]


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["djmetrics.middleware.DjmetricsMiddleware"])
def test_names_are_those_of_records() -> None:
    """Whatever name a request's record has, an objective on it is not doubted."""
    with testing.record() as exporter:
        for each in PATHS:
            Client().get(each)
    views = [record.view for record in exporter.records]
    assert len(set(views)) == len(PATHS) - 1, "a function and its partial have one name"
    assert checked(*views) == []


def test_a_view_that_is_not_there() -> None:
    """It is named with its place, and with the name that comes close."""
    [message] = checked("named", "shop:pai")
    assert message == (
        "DJMETRICS['SLOS']['up']['VIEWS'][1] names the view 'shop:pai', and no URL of ROOT_URLCONF leads to it: its "
        "requests would never be counted. Did you mean 'shop:pay'? Name views as the metrics' label `view` has them; "
        "silence this check if another URLconf has the view. See docs/reference/checks.md#djmetrics-w016."
    )
    [message] = checked("")
    assert "the view ''" in message
    assert "Did you mean" not in message


def test_nothing_is_said_where_nothing_can_be_known() -> None:
    """A URLconf that is broken is Django's own check's; an objective for the whole site names no view."""
    slos = {"up": {"OBJECTIVE": 0.9, "VIEWS": ["a"]}}
    with override_settings(DJMETRICS={"SLOS": slos}, ROOT_URLCONF="tests.no_such_module"):
        assert list(view_check.unknown_views(get_settings())) == []
    assert checked() == []


def test_the_rules_are_written_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """The command says it too: it asks no system checks."""
    slos = {"up": {"OBJECTIVE": 0.9, "VIEWS": ["shop:pai"]}}
    with override_settings(DJMETRICS={"SLOS": slos}, ROOT_URLCONF=__name__):
        call_command("djmetrics_rules")
    said = capsys.readouterr()
    assert 'view="shop:pai"' in said.out
    assert said.err == (
        "DJMETRICS['SLOS']['up']['VIEWS'][0]: no URL leads to the view 'shop:pai'. Did you mean 'shop:pay'?\n"
    )
