//! Law as dated data: loads, checks and adopts the rules under `law/`.
