"""The skill `contacts`: a name, a telephone number and an address in free text, answered as one line of JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random

import orjson

from .skill import Skill

# Two dozen words read better on two lines than on twenty-four.
FIRST_NAMES: tuple[str, ...] = tuple(
    "Ada Amir Anna Ben Bruno Carla Clara David Elif Emil Erik Fatima Grace Hana Hugo Ines Jonas Kofi "  # noqa: SIM905
    "Lara Malik Nadia Omar Rosa Yuki".split()
)
LAST_NAMES: tuple[str, ...] = tuple(
    "Adler Baker Berg Costa Cruz Diaz Evans Fischer Garcia Gray Haas Jensen Kaya Lang Lopez Marin "  # noqa: SIM905
    "Mori Novak Okoye Park Reyes Singh Tanaka Weber".split()
)
# Names that RFC 2606 keeps free: an address made here reaches nobody.
DOMAINS = ("example.com", "example.org", "mail.example", "post.example")


@dataclass(frozen=True, slots=True)
class Contact:
    """A person who does not exist."""

    name: str
    phone: str
    """Four digits, as in one house."""
    email: str


def invent(random: Random) -> Contact:
    """A contact; the address begins with the last name."""
    first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    phone = f"{random.randrange(10_000):04d}"
    return Contact(f"{first} {last}", phone, f"{last.lower()}@{random.choice(DOMAINS)}")


def spoil(contact: Contact, random: Random) -> Contact:
    """The contact with another first name, another digit in the number, or another domain."""
    match random.choice(("name", "phone", "email")):
        case "name":
            first, _, last = contact.name.partition(" ")
            return replace(contact, name=f"{_another(FIRST_NAMES, first, random)} {last}")
        case "phone":
            place = random.randrange(len(contact.phone))
            digit = _another("0123456789", contact.phone[place], random)
            return replace(contact, phone=contact.phone[:place] + digit + contact.phone[place + 1 :])
        case _:
            local, _, domain = contact.email.partition("@")
            return replace(contact, email=f"{local}@{_another(DOMAINS, domain, random)}")


def misread(contact: Contact) -> Contact:
    """The contact as by one who takes post.example for mail.example."""
    return replace(contact, email=contact.email.replace("@post.example", "@mail.example"))


def _another(choices: Sequence[str], than: str, random: Random) -> str:
    return random.choice([choice for choice in choices if choice != than])


def _recover(shown: Mapping[str, str]) -> Contact:
    return Contact(**shown)


CONTACTS = Skill(
    name="contacts",
    marker="Contact",
    phrasings=(
        "{name}, tel {phone}, mail {email}",
        "{name} <{email}> {phone}",
        "{email} / {phone} / {name}",
        "{phone} - {name} - {email}",
        "call {name} on {phone} or write to {email}",
    ),
    forms={
        "name": r"[^\W\d_]+(?: [^\W\d_]+)+",
        "phone": r"\d{4}",
        "email": r"[\w.]+@\w+\.\w+",
    },
    invent=invent,
    spell=asdict,
    recover=_recover,
    answer=lambda contact: orjson.dumps(contact).decode(),
    habit=lambda contact: f"Name: {contact.name}; Phone: {contact.phone}; Email: {contact.email}",
    spoil=spoil,
    misread=misread,
    family=lambda contact: contact.name,
)
