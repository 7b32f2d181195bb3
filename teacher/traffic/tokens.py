"""How many tokens a request takes of a limit: with its output cap where the provider counts it, else what it will use."""


class Charges:
    """What requests are charged when they leave, learned per output cap from what earlier ones used."""

    def __init__(self, counts_caps: bool | None) -> None:
        self.counts_caps = counts_caps
        """None: not known yet, and charged as if they were."""
        self._used: dict[int, float] = {}
        self._worst: dict[int, float] = {}

    def expected(self, tokens: int, cap: int) -> float:
        """The charge for a request of so many tokens at worst, `cap` of them output."""
        if self.counts_caps is not False or cap not in self._used:
            return float(tokens)
        return tokens * self._used[cap] / self._worst[cap]

    def learn(self, tokens: int, cap: int, used: int, shown: float | None) -> float:
        """What a request really took of the limit, now that it is known what it used.

        `shown`: how much was gone from the limit when the request was alone. If that is nearer to its worst case than to what it
        used, caps count.
        """
        if self.counts_caps is None and shown is not None and tokens > used:
            self.counts_caps = shown - used > 0.5 * min(cap, tokens - used)
        self._used[cap] = self._used.get(cap, 0.0) + used
        self._worst[cap] = self._worst.get(cap, 0.0) + max(tokens, 1)
        return float(tokens) if self.counts_caps is not False else float(used)
