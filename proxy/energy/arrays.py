"""The arrays that rules work on: one entry per miner, tenant or circuit, as the name of the argument says."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def frozen(values: npt.ArrayLike, dtype: type[np.generic] = np.float64) -> npt.NDArray[np.generic]:
    """Return a read-only copy: a value that is handed around does not change."""
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array
