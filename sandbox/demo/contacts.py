"""Who stands in the address books: Alice's in all its variety, the others' smaller."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from sandbox.google import Google
from sandbox.google.contacts import MY_CONTACTS

NAMES = (
    ("Anna", "Schäfer"), ("Jürgen", "Größmann"), ("Zoë", "Müller-Lüdenscheidt"), ("Björn", "Åkesson"), ("Łukasz",
        "Żak"),
    ("Siân", "O’Brien"), ("José", "Ñíguez"), ("Nguyễn", "Thị Hoa"), ("Çağla", "Yılmaz"), ("Ελένη", "Παπαδοπούλου"),
    ("Дмитрий", "Соколов"), ("太郎", "山田"), ("美咲", "佐藤"), ("伟", "王"), ("지훈", "김"), ("אברהם", "כהן"),
    ("فاطمة", "الزهراء"), ("Priya", "Raghunathan"), ("Oluwaseun", "Adébáyọ̀"), ("Marie-Claire", "d’Aubigné"),
    ("Rosa", "Castellanos"), ("Henrik", "Halvorsen"), ("Liv", "Bergström"), ("Peter", "Kaufmann"), ("Grace", "Okonkwo"),
    ("Tomás", "Horáček"), ("Ilse", "van der Meer"), ("Matteo", "De Luca"), ("Noor", "Haddad"), ("Samuel", "Stein"),
)  # fmt: skip
COMPANIES = ("Aurora Shipping", "Halvorsen AS", "Bergström & Co", "Kaufmann & Söhne GmbH", "Cedar Bank", "Delta Foods",
             "Landgericht Berlin", "Amtsgericht Mitte", "Paper & Toner Ltd", "Kurier24", "Dolmetscher-Pool",
                 "IT-Haus")  # fmt: skip
GROUPS = ("Clients", "Courts", "Suppliers", "Family and friends", "Colleagues", "Experts")
# numbers for films and tests, in the spellings people type
SPELLINGS = (
    "+49 30 23125 {0:03d}", "030/23125-{0:03d}", "(030) 23 125 {0:03d}", "0049 30 23125{0:03d}",
        "+49 (0)30 23125-{0:03d}",
    "030 23125{0:03d}", "+49.40.66969.{0:03d}", "040-66969{0:03d}", "tel:+49-40-66969-{0:03d}", "+44 20 7946 0{0:03d}",
    "+1 (212) 555-01{1:02d}", "001 212 555 01{1:02d}", "+1-415-555-01{1:02d} ext. {0}", "+46 8 501 00 {1:02d}",
    "+81 3-5555-0{0:03d}", "０３０　２３１２５　{0:03d}",
)  # fmt: skip
INVALID = ("ask Petra", "12", "+49 30", "n/a", "00000", "+999 123456", "see card", "0815-4711-0815-4711-0815")
LABELS = ("work", "mobile", "home", "main", "workFax", "other", "Durchwahl")


def fill_contacts(google: Google) -> None:
    alice = "alice.meyer@northwind.example"
    groups = {title: google.contacts.save_group(alice, title)["name"] for title in GROUPS}
    google.contacts.fill(alice, _address_book(groups))
    every = google.contacts.every(alice)
    google.contacts.merge(alice, every[20].name, every[50].name)
    google.contacts.rename(alice, every[21].name)
    google.contacts.delete(alice, every[60].name)
    for email, count in (("ben.okafor@northwind.example", 35), ("dora.lindqvist@northwind.example", 20),
                         ("emil.tanaka@northwind.example", 28), ("charlie.stone@rival.example", 25)):  # fmt: skip
        own = {title: google.contacts.save_group(email, title)["name"] for title in GROUPS[:2]}
        google.contacts.fill(email, (_person(email, n, own) for n in range(count)))


def _address_book(groups: dict[str, str]) -> Iterator[dict[str, Any]]:
    for n in range(112):
        yield _person("alice", n, groups)
    yield from _special(groups)


def _person(owner: str, n: int, groups: dict[str, str]) -> dict[str, Any]:
    digest = hashlib.sha256(f"{owner}{n}".encode()).digest()
    given, family = NAMES[n % len(NAMES)]
    if n >= len(NAMES):
        given = NAMES[digest[0] % len(NAMES)][0]
    company = COMPANIES[digest[1] % len(COMPANIES)]
    slug = f"{owner[:3]}{n}"
    body: dict[str, Any] = {
        "names": [{"givenName": given, "familyName": family}],
        "emailAddresses": [{"value": f"{slug}@{_domain(company)}", "type": "work"}],
        "organizations": [{"name": company, "title": ("Counsel", "Clerk", "CFO", "Judge", "Buyer")[digest[2] % 5]}],
        "phoneNumbers": [
            {"value": SPELLINGS[(n + k) % len(SPELLINGS)].format(digest[3 + k] % 250 + 10, digest[4 + k] % 100),
             "type": LABELS[(n + k) % len(LABELS)]}
            for k in range(digest[9] % 4)
        ],
    }  # fmt: skip
    if digest[10] % 3 == 0:
        body["emailAddresses"].append({"value": f"{slug}@private.example", "type": "home"})
    if digest[11] % 4 == 0:
        body["birthdays"] = [
            {"date": {"year": 1950 + digest[12] % 50, "month": digest[13] % 12 + 1, "day": digest[14] % 28 + 1}}
        ]
        body["addresses"] = [{"streetAddress": f"Invalidenstraße {digest[15]}", "postalCode": "10115", "city": "Berlin",
                              "country": "Germany", "countryCode": "DE", "type": "work",
                              "formattedValue": f"Invalidenstraße {digest[15]}\n10115 Berlin\nGermany"}]  # fmt: skip
    if digest[16] % 6 == 0:
        body["biographies"] = [
            {"value": "Met at the conference in Hamburg.\nPrefers e-mail.", "contentType": "TEXT_PLAIN"}
        ]
        body["nicknames"] = [{"value": f"{given}chen"}]
        body["urls"] = [{"value": f"https://{_domain(company)}/", "type": "work"}]
    names = list(groups.values())
    members = [MY_CONTACTS, names[digest[17] % len(names)]]
    if digest[18] % 5 == 0:
        members.append(names[digest[19] % len(names)])
    if digest[20] % 9 == 0:
        members.append("contactGroups/starred")
    body["memberships"] = _memberships(members)
    return body


def _memberships(groups: list[str]) -> list[dict[str, Any]]:
    return [{"contactGroupMembership": {"contactGroupResourceName": name}} for name in dict.fromkeys(groups)]


def _domain(company: str) -> str:
    plain = "".join(c for c in company.lower().replace("ö", "oe") if c.isascii() and c.isalnum())
    return f"{plain}.example"


def _special(groups: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Contacts that lack what others have, or have too much of it."""
    for n, value in enumerate(INVALID):
        yield {"names": [{"givenName": "Number", "familyName": f"Trouble {n + 1}"}], "phoneNumbers": [{"value": value}],
               "memberships": _memberships([groups["Suppliers"]])}  # fmt: skip
    yield {"phoneNumbers": [{"value": "+49 30 23125 901", "type": "mobile"}]}
    yield {"emailAddresses": [{"value": "only-an-address@private.example"}]}
    yield {"organizations": [{"name": "Kurier24", "title": "Dispatch"}], "phoneNumbers": [{"value": "030 23125 902"}],
           "memberships": _memberships([groups["Suppliers"]])}  # fmt: skip
    yield {"names": [{"givenName": "Prof. Dr."}], "biographies": [{"value": "No idea who this was."}]}
    yield {"names": [{"givenName": "Dora", "familyName": "Lindqvist"}], "phoneNumbers": [
        {"value": f"+46 8 501 00 {n:02d}", "type": kind} for n, kind in
        enumerate(("work", "mobile", "home", "workMobile", "workFax", "homeFax", "pager", "googleVoice",
            "Sommarstuga"))],
        "memberships": _memberships([MY_CONTACTS, groups["Colleagues"], "contactGroups/starred"])}  # fmt: skip
    yield {"names": [{"honorificPrefix": "Dr.", "givenName": "John", "middleName": "Jay", "familyName": "Doe",
                      "honorificSuffix": "III", "phoneticGivenName": "ʤɒn"}], "nicknames": [{"value": "Johnny"}],
           "memberships": _memberships([groups["Experts"]])}  # fmt: skip
    yield {"names": [{"givenName": '<b>Bobby</b> "Tables"', "familyName": "=HYPERLINK(1)"}],
           "emailAddresses": [{"value": "bobby@private.example"}],
               "memberships": _memberships(list(groups.values()))}  # fmt: skip
    yield {"names": [{"givenName": "A" * 120, "familyName": "Extraordinarily-Long-Double-Barrelled-Name"}]}
    yield {"names": [{"givenName": "Two", "familyName": "Same number"}], "phoneNumbers": [{"value": "030/23125-901"}],
           "memberships": _memberships([groups["Family and friends"]])}  # fmt: skip
