"""Helpers at their edges; docs/reference/templates.md, which is tested too, has the plain cases."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import DataError
from towpath.dataplane.templates import Environment, compile_template

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)


def render(text: str, **context: object) -> str:
    return compile_template(text).render(context, Environment(clock=lambda: NOW))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        # Without a value there is no result, and no error.
        ("{{abs a}}{{round a}}{{multiply a 2}}{{toFixed a 2}}{{ordinalize a}}{{toPrecision a 2}}", ""),
        ('{{dateFormat "YYYY" a}}{{dateAdd a 5}}{{uppercase a}}{{trim a}}{{split a ","}}{{jsonParse a}}', ""),
        ("{{add a 1 2}} {{sum a}} {{avg a}} {{bytes a}}", "3 0  0 B"),
        ("{{sort a}}{{pluck a 'x'}}{{unique a}}{{after a 1}}{{arrayify a}}{{join ',' a}}", ""),
        # Numbers are those of JavaScript.
        ("{{add 0.1 0.2}} {{divide 1 3}} {{divide 6 3}}", "0.30000000000000004 0.3333333333333333 2"),
        ("{{round '-2.5'}} {{round 2.5}} {{ceil '-0.5'}} {{floor '1e3'}}", "-2 3 0 1000"),
        ("{{modulo '-7' 3}} {{modulo 7.5 2}} {{subtract '1' '1.5'}}", "-1 1.5 -0.5"),
        (
            "{{toFixed 1.005 2}} {{toFixed 2.5}} {{toFixed '-0.001' 2}} {{toFixed '1e3' 1}}",
            "1.00 3 0.00 1000.0",
        ),
        (
            "{{toPrecision 0.000001234 2}} {{toPrecision 0.00000001 2}} {{toPrecision 5 3}}",
            "0.0000012 1.0e-8 5.00",
        ),
        (
            "{{toExponential 0 2}} {{toExponential 123456}} {{toExponential '-0.05' 1}}",
            "0.00e+0 1.23456e+5 -5.0e-2",
        ),
        ("{{addCommas '-1234567.891'}} {{addCommas 'n/a'}} {{addCommas 12}}", "-1,234,567.891 n/a 12"),
        ("{{ordinalize 1}} {{ordinalize 11}} {{ordinalize 112}} {{ordinalize '3'}}", "1st 11th 112th 3rd"),
        ("{{bytes 999}} {{bytes 1000}} {{bytes 1500000 1}} {{bytes 'four'}}", "999 B 1 kB 1.5 MB 4 B"),
        # Texts.
        ("{{substring 'Celigo' 4 1}} {{substring 'abc' 1}} {{substring 'abc' '-5' 99}}", "eli bc abc"),
        ("{{split 'a b' ' ' 5}}|{{split 'abc' '' 1}}|{{split 'a,b' ','}}", "|b|a"),
        ("{{truncateWords 'a b' 5}} {{truncateWords 'a b c' 1 '!'}}", "a b a!"),
        ("{{padLeft 'abc' 2}} {{padRight 'a' 4 'xy'}} {{padLeft 1 3 ''}}", "abc axyx   1"),
        ("{{replace 'aXbX' 'X'}} {{replace 'a' '' 'b'}} {{occurrences 'aaa' 'aa'}}", "ab a 1"),
        ("{{camelcase 'HTTPServer id'}} {{snakecase 'Ärger über 2Go'}}", "httpServerId ärger_über_2_go"),
        ("{{uppercase 5}} {{capitalize true}}", "5 True"),
        ("{{sanitize 'a < b > c <<b>x</b>>'}}", "a  c <x>"),
        # Dates.
        ('{{timestamp}} {{timestamp "" "Asia/Tokyo"}}', "2015-08-30T12:36:00.000Z 2015-08-30T12:36:00.000Z"),
        ('{{timestamp "HH:mm" "Asia/Tokyo"}}', "21:36"),
        ('{{dateFormat "X" 1512012818751}}', "1512012818"),
        ('{{dateAdd "2025-01-01" "-1"}}', "2024-12-31T23:59:59.999Z"),
        # Notations.
        ("{{base64Decode 'w7w'}}{{base64Decode '_-8=' 'hex'}}", "üffef"),
        ("{{base64Encode 'ü' 'latin1'}} {{base64Encode 'ab' 'utf16le'}}", "/A== YQBiAA=="),
        (
            "{{jsonEncode 5}} {{jsonEncode 'a\"b'}} {{{jsonSerialize 'x'}}} {{jsonSerialize null}}",
            '5 a\\"b "x" null',
        ),
        ("{{stripProtocol 'mailto:x@y'}} {{stripQuerystring 'a#b?c'}}", "mailto:x@y a#b"),
        ("{{decodeURI '100%'}} {{encodeURI \"it's\"}}", "100% it's"),
        # Expressions.
        (
            "{{regexMatch 'a1b22' '[0-9]+' 1}}|{{regexMatch 'ab' '[0-9]'}}|{{regexMatch 'ab' 'B' 'i'}}",
            "22||b",
        ),
        ("{{regexReplace 'John Smith' '$2 $1 $3 $$ $&' '(\\w+) (\\w+)'}}", "Smith John $3 $ John Smith"),
        (
            "{{regexReplace '2024-01' '$<y>' '(?<y>\\d{4})-\\d\\d'}}{{regexReplace 'a' '$<n>' 'a'}}",
            "2024$<n>",
        ),
        ("{{regexReplace 'abc' '-' ''}} {{regexSearch 'abc' 'x'}}", "-a-b-c- -1"),
        # Comparison.
        (
            "{{eq null undefined}} {{eq 0 ''}} {{eq '1' 1}} {{eq true 1}} {{eq 'a' 'A'}}",
            "true true true true false",
        ),
        ("{{compare '10' '<' '9'}} {{compare 10 '<' '9'}} {{compare 'a' '<=' 5}}", "true false false"),
        ("{{compare a '==' null}} {{compare 1 '!==' '1'}} {{compare 1 'typeof' 'number'}}", "true true true"),
        ("{{contains 'abc' ''}} {{contains a 'b'}} {{inArray 'abc' 'b'}}", "true false false"),
        (
            "{{startsWith 'x' a}} {{isEmpty ''}} {{isEmpty 'x'}} {{ifEven 'x'}} {{ifEven '4'}}",
            "false true false false true",
        ),
    ],
)
def test_edges(text: str, result: str):
    assert render(text) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{x}}", "1,,a,2,true"),
        (
            "{{sort x}}|{{sort x reverse='true'}}|{{sort n number='true'}}",
            ",1,2,a,true|true,a,2,1,|2,10,30,x",
        ),
        ("{{before x 9}}{{after x 9}}{{hasOwn x 1}}{{hasOwn x 9}}{{lookup x 2}}", "truefalsea"),
        ("{{unique u}}", "1,1,2"),
        ("{{pluck o 'a.b'}}{{pluck o ''}}", "1"),
        ("{{join '-' x '' n}}", "1--a-2-true--30-x-10-2"),
        ("{{getValue 'o[0].a.b'}}{{getValue o.9.a 'none'}}{{getValue 'null' 'none'}}", "1nonenone"),
        ("{{d}} {{date}} {{{bytes}}} {{f}}", "12.50 2015-08-30T12:36:00.000Z text 0.1"),
    ],
)
def test_values_of_every_kind(text: str, result: str):
    context = {
        "x": [1, None, "a", [2], True],
        "n": [30, "x", "10", 2],
        "u": [1, "1", 1, 2, 2],
        "o": [{"a": {"b": 1}}, {"a": None}],
        "d": Decimal("12.50"),
        "date": NOW,
        "bytes": b"text",
        "f": 0.1,
    }
    assert render(text, **context) == result


def test_no_helper_changes_what_it_is_given():
    given_list = ["b", "a", "b"]
    render("{{sort x}}{{reverse x}}{{unique x}}{{after x 1}}{{arrayify x}}", x=given_list)
    assert given_list == ["b", "a", "b"]


@pytest.mark.parametrize(
    "text", ["{{base64Decode 'a'}}", "{{hmac 'sha256' 'x' 'hex' 'y' 'hex'}}", "{{random 'dice'}}"]
)
def test_what_cannot_be_read(text: str):
    with pytest.raises(DataError) as caught:
        render(text)
    assert caught.value.code == "template.failed"


def test_signatures_known_from_elsewhere():
    # RFC 4231, test case 2.
    signed = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert render("{{hmac 'SHA-256' 'Jefe' 'hex' 'what do ya want for nothing?'}}") == signed
    assert render("{{hmac 'sha256' 'SmVmZQ==' 'hex' 'what do ya want for nothing?' 'base64'}}") == signed


@pytest.mark.parametrize(
    ("method", "uri", "headers", "body", "service"),
    [
        ("GET", "https://example.amazonaws.com/", {}, None, "service"),
        (
            "POST",
            "https://x.execute-api.us-east-1.amazonaws.com/a b/c?z=1&a=x y&a=%2F",
            {"X-Amz-Target": " t  u "},
            '{"ü": 1}',
            "execute-api",
        ),
        (
            "PUT",
            "https://bucket.s3.amazonaws.com/a%20b/ü",
            {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
            "text",
            "s3",
        ),
    ],
)
@pytest.mark.parametrize("token", ["", "a-token"])
def test_aws_signatures_are_those_of_their_own_library(
    method: str, uri: str, headers: dict[str, str], body: str | None, service: str, token: str
):
    from urllib.parse import quote

    given_uri = quote(uri, safe=":/?&=%")
    request = AWSRequest(method=method, url=given_uri, data=body and body.encode(), headers=dict(headers))
    request.headers["X-Amz-Date"] = "20150830T123600Z"
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(
        Credentials("AKID", "secret", token or None), service, "us-east-1"
    )
    request.context["timestamp"] = "20150830T123600Z"
    if token:
        request.headers["X-Amz-Security-Token"] = token
    canonical = signer.canonical_request(request)
    expected = signer.signature(signer.string_to_sign(request, canonical), request)
    made = compile_template("{{{aws4 'AKID' 'secret' token 'us-east-1' service}}}").render(
        {
            "token": token,
            "service": service,
            "hmacOptions": {"method": method, "URI": given_uri, "headers": dict(headers), "body": body},
        },
        Environment(clock=lambda: NOW),
    )
    assert made.startswith(f"AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/{service}/aws4_request, ")
    assert made.endswith(f"Signature={expected}")


def test_chance():
    text = "{{random 'crypto'}} {{random 'NUMBER' 6}} {{random 'uuid' 8}}"
    first, second = render(text).split(), render(text).split()
    assert [len(part) for part in first] == [32, 6, 8]
    assert first[0].isalnum()
    assert first[1].isdigit()
    assert first[0] != second[0]


@given(st.integers(-(10**15), 10**15), st.integers(0, 8))
def test_fixed_numbers_are_exact(value: int, digits: int):
    assert Decimal(render("{{toFixed x d}}", x=value, d=digits)) == value


@given(
    st.datetimes(datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2500-01-01")),
    st.integers(0, 10**12),
)
def test_dates_are_added_exactly(moment: datetime, offset: int):
    exact = moment.replace(microsecond=0, tzinfo=UTC)
    made = datetime.fromisoformat(render("{{dateAdd d o}}", d=exact, o=offset))
    assert made == exact + timedelta(milliseconds=offset)
