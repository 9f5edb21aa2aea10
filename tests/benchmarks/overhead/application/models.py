from django.db import models


class Writer(models.Model):
    name = models.CharField(max_length=80)


class Topic(models.Model):
    name = models.CharField(max_length=40)


class Book(models.Model):
    title = models.CharField(max_length=120)
    blurb = models.TextField()
    bought = models.DateField()
    writer = models.ForeignKey(Writer, on_delete=models.CASCADE)
    topics = models.ManyToManyField(Topic)


class Review(models.Model):
    text = models.TextField()
    book = models.ForeignKey(Book, on_delete=models.CASCADE)
