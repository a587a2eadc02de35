"""The arrays that rules work on: one entry per miner, tenant or circuit, as the name of the argument says."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
