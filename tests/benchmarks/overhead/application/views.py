import asyncio

from django.core.cache import cache
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .models import Book, Review, Topic, Writer


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello")


def page(request: HttpRequest) -> HttpResponse:
    """10 queries (the session and the user are two of them), 5 cache operations, 4 templates."""
    name = request.user.username
    cache.set("motto", "Read!")
    motto = cache.get("motto")
    cache.get("nothing")
    cache.set("latest-reader", name)
    cache.delete("nothing")

    books = list(Book.objects.select_related("writer").order_by("-bought")[:20])
    newest = Book.objects.prefetch_related("topics").get(pk=books[0].pk)
    context = {
        "name": name,
        "motto": motto,
        "books": books,
        "newest": newest,
        "all_books": Book.objects.count(),
        "topics": list(Topic.objects.order_by("name")),
        "reviews": list(Review.objects.filter(book=newest).order_by("-pk")[:5]),
        "busy": list(Writer.objects.annotate(books=Count("book")).order_by("-books")[:3]),
        "wrote": Book.objects.filter(writer__name=name).exists(),
    }
    return render(request, "application/page.html", context)


def queries(request: HttpRequest) -> HttpResponse:
    """100 small queries."""
    for n in range(100):
        Writer.objects.get(pk=n % 10 + 1)
    return HttpResponse("Done")


def error(request: HttpRequest) -> HttpResponse:
    raise ValueError("as asked")


async def later(request: HttpRequest) -> HttpResponse:
    """Gives way to the event loop once."""
    await asyncio.sleep(0)
    return HttpResponse("Hello")
