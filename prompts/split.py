"""The split: which families are held out. It is made before anything is asked, and a prompt once placed never moves."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from ..recipe import HeldoutSection
from ..store.rows import Prompt, Side


def sides(prompts: Sequence[Prompt], placed: Mapping[str, Side], section: HeldoutSection) -> dict[str, Side]:
    """The side of every family.

    Families placed by an earlier load stay where they are. Of the new ones those with the lowest hash of (family, salt)
    are held out, until the share is reached: at least `least` prompts and at most `most`, but never more than half.
    """
    sizes = Counter(prompt.family for prompt in prompts)
    total = sum(sizes.values())
    wanted = min(max(round(section.share * total), section.least), section.most, total // 2)
    chosen: dict[str, Side] = {family: placed[family] for family in sizes if family in placed}
    heldout = sum(sizes[family] for family, side in chosen.items() if side == "heldout")
    for family in sorted(
        (family for family in sizes if family not in chosen), key=lambda name: _hash(name, section.salt)
    ):
        fits = heldout + sizes[family] <= wanted
        chosen[family] = "heldout" if fits else "train"
        heldout += sizes[family] if fits else 0
    return chosen


def _hash(family: str, salt: str) -> bytes:
    return hashlib.blake2b(family.encode(), key=salt.encode()[:64], digest_size=16).digest()
