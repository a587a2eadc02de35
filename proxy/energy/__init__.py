"""Power and money, pure: circuits, budget, operating points, allocation, dispatch, evidence. No state.

Watts are at the miner's terminals unless a name says otherwise; arrays are indexed by miner unless it says
otherwise; NaN is *unknown*, and what is unknown never permits a raise.
"""
