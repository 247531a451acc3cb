"""The counting that measures share: cells, rates, intervals."""
