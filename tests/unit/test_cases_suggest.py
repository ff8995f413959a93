"""Which matter, and whose: from words, from their sound, or from nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.suggest import Suggestion, suggest, township_of
from config.city.load import load

CITY = load("shaowu")


def first(text: str) -> Suggestion:
    return suggest(text, CITY)[0]


@pytest.mark.parametrize(
    ("text", "matter", "unit"),
    [
        ("喂，你好，我们小区从昨天晚上停水到现在，一滴水都没有", "no_water", "waterworks"),
        ("我家楼下的下水道堵了，污水外溢，臭死了", "sewer", "municipal"),
        ("路灯坏了好几天了，晚上黑漆漆的", "street_light", "municipal"),
        ("老板跑了，拖欠工资三个月", "wages", "labour"),
        ("快来人啊，着火了", "fire", "fire"),
        ("厨房里煤气泄漏，有煤气味", "gas_leak", "gas_repair"),
        ("有人在这里打架", "fight", "police"),
        ("整栋楼没电了", "no_power", "power"),
        ("楼上一直漏水，天花板漏水了，房屋质量太差", "house_quality", "housing"),
        ("门打不开了，忘带钥匙", "locksmith", "home_repair"),
        ("我买到假货，商家不退钱", "fake_goods", "market"),
        ("公交车等不到车，司机态度不好", "bus", "transport"),
        ("我们楼下的工地半夜还在施工，噪音特别大，吵得孩子睡不着觉", "noise_site", "urban"),
        ("有个老人家迷路了，在五四路口，说不清自己家在哪里", "lost_elder", "police"),
        ("八一大桥那里有人要跳河", "suicide", "police"),
        ("我家门口的树被台风吹倒了", "tree_fallen", "parks"),
        ("下沙镇屯上村的水渠堵了，田里没水，稻子要旱死了", "irrigation", "xiasha"),
        ("河里好多死鱼，上游有个厂在偷排", "factory_water", "environment"),
    ],
)
def test_what_people_say_leads_to_the_matter(text: str, matter: str, unit: str) -> None:
    assert (first(text).matter, first(text).unit) == (matter, unit)
    assert first(text).sure


@pytest.mark.parametrize(
    ("heard", "matter"),
    [
        ("路登坏了好几天", "street_light"),
        ("建筑工地脱欠工资", "wages"),
        ("睡管暴了", "burst_pipe"),
        ("下水到堵了", "sewer"),
        ("井该不见了", "manhole"),
        ("听水了", "no_water"),
        ("没气泄漏", "gas_leak"),
        ("垃级没人收", "rubbish"),
    ],
)
def test_homophones_of_recognition_lead_there_too(heard: str, matter: str) -> None:
    assert first(heard).matter == matter
    assert not first(heard).sure


@pytest.mark.parametrize(
    "text",
    ["", "   ", "嗯", "喂喂喂", "你好你好", "今天天气不错", "请问现在几点了", "……", "abc 123", "hello"],
)
def test_unclear_words_suggest_nothing(text: str) -> None:
    assert suggest(text, CITY) == []


def test_a_keyword_never_reaches_across_a_pause() -> None:
    assert suggest("他说停，水还在烧", CITY) == []


def test_the_longer_word_decides() -> None:
    assert first("后面山上着火了").matter == "forest_fire"
    assert first("电梯坏了，有人困在电梯里").matter == "trapped_lift"


@pytest.mark.parametrize(
    ("text", "township"),
    [
        ("我在拿口镇", "nakou"),
        ("这里是晒口", "shaikou"),
        ("大埠岗江富村", "dabugang"),
        ("大布岗镇", "dabugang"),  # by its sound
        ("肖家访镇", "xiaojiafang"),
        ("水北镇故县村", "shuibei"),
        ("水北街道", "shuibei_street"),
        ("我住在水北", None),  # two of that name
        ("为民服务中心", None),  # sounds like 卫闽, but says something else
        ("和平路口", None),
        ("我在家里", None),
    ],
)
def test_the_township_is_recognised_by_its_places(text: str, township: str | None) -> None:
    assert township_of(text, CITY) == township


def test_the_township_leads_where_the_matter_says_so() -> None:
    found = first("拿口镇这边垃圾没人收")
    assert (found.unit, found.co_units, found.township) == ("nakou", ("sanitation",), "nakou")


def test_the_township_joins_where_the_matter_says_so() -> None:
    found = first("卫闽镇的下水道堵了")
    assert found.unit == "municipal"
    assert found.co_units == ("sanitation", "weimin")


def test_the_township_stays_out_where_it_has_nothing_to_do() -> None:
    found = first("沿山镇停水了")
    assert (found.unit, found.co_units, found.township) == ("waterworks", (), "yanshan")


def test_the_keywords_found_are_told() -> None:
    assert set(first("停水了，家里没水").keywords) == {"停水", "家里没水"}
    assert first("路登坏了").keywords == ("路灯坏",)


@pytest.mark.parametrize("matter", CITY.matters, ids=lambda matter: matter.id)
def test_every_matter_is_found_by_its_own_name_or_words(matter: object) -> None:
    words = "，".join(matter.keywords)  # type: ignore[attr-defined]
    assert first(words).matter == matter.id  # type: ignore[attr-defined]


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_is_borne_and_order_is_by_score(text: str) -> None:
    found = suggest(text, CITY)
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    units = {unit.id for unit in CITY.units}
    assert all({item.unit, *item.co_units} <= units for item in found)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CITY.matters), st.sampled_from(["嗯那个", "你好我想反映一下", "麻烦你们"]))
def test_small_talk_around_it_changes_nothing(matter: object, talk: str) -> None:
    word = max(matter.keywords, key=len)  # type: ignore[attr-defined]
    assert [item.matter for item in suggest(f"{talk}，{word}，谢谢", CITY)] == [
        item.matter for item in suggest(word, CITY)
    ]
