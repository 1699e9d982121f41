"""A histogram of waiting times in bounded memory, exact to three per cent."""

BUCKETS_PER_DOUBLING = 32
BITS = BUCKETS_PER_DOUBLING.bit_length()


class LatencyHistogram:
    """Counts durations in microseconds: singly up to 63, then 32 buckets to each doubling."""

    __slots__ = ("_counts", "count", "maximum_microseconds")

    def __init__(self) -> None:
        self._counts = [0] * (BUCKETS_PER_DOUBLING * 64)
        self.count = 0
        self.maximum_microseconds = 0

    def record(self, seconds: float) -> None:
        """Counts one duration."""
        microseconds = int(seconds * 1e6)
        shift = microseconds.bit_length() - BITS
        if shift <= 0:
            self._counts[microseconds] += 1
        else:
            self._counts[shift * BUCKETS_PER_DOUBLING + (microseconds >> shift)] += 1
        self.count += 1
        if microseconds > self.maximum_microseconds:
            self.maximum_microseconds = microseconds

    def milliseconds(self, fraction: float) -> float:
        """Returns the time that this fraction of all durations did not exceed, 0 without any."""
        wanted = fraction * self.count
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(_last_of_bucket(index), self.maximum_microseconds) / 1000
        return 0.0

    @property
    def maximum_milliseconds(self) -> float:
        """The longest duration, exact to the microsecond."""
        return self.maximum_microseconds / 1000


def _last_of_bucket(index: int) -> int:
    shift = max(0, index // BUCKETS_PER_DOUBLING - 1)
    return ((index - shift * BUCKETS_PER_DOUBLING + 1) << shift) - 1
