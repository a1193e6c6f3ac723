from pydantic import BaseModel

from towpath.core.ports import Category, Connector, StreamOffer
from towpath.services import catalogue


class Config(BaseModel):
    pass


def plain(**more):
    return Connector(**{"name": "x", "title": "X", "version": "1", "categories": (), "config": Config} | more)


def test_a_connector_without_known_streams_offers_all_of_them():
    assert catalogue.offers(plain()) == (catalogue.EVERYTHING,)
    offer = StreamOffer(name="orders", title="Orders")
    assert catalogue.offers(plain(streams=(offer,))) == (offer,)
    assert [catalogue.label(one) for one in (catalogue.EVERYTHING, offer)] == ["all", "orders"]


def test_no_stream_is_offered_more_often_than_is_allowed():
    usual = StreamOffer(name="a", title="A")
    own = StreamOffer(name="a", title="A", intervals=(30, 90))
    assert catalogue.intervals(usual, 60) == catalogue.USUAL_INTERVALS
    assert catalogue.intervals(usual, 3600)[0] == 3600
    assert catalogue.intervals(own, 60) == (90,)
    assert catalogue.intervals(own, 90.5) == (91,), "there is always one"


def test_groups_are_tags_and_kinds():
    assert catalogue.groups(plain()) == ["Default"]
    assert catalogue.groups(plain(categories=(Category.APPLICATION,), tags=("PMS", "PMS"))) == ["PMS"]
    kinds = (Category.DATABASE, Category.FILES)
    assert catalogue.groups(plain(categories=kinds, tags=("Fast",))) == ["Fast", "Datastores"]


def test_every_connector_has_a_picture():
    assert catalogue.icon(plain()).startswith("<svg")
    assert catalogue.icon(plain(icon="<svg/>")) == "<svg/>"
