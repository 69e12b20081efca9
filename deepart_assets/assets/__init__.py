"""The pipeline, top to bottom: `wikiart`, `styles`; `wikiart_sr`, `lr_hr_pairs`, `training`,
`super_resolution`; `subjects`, `subjects_evaluation`, `restoration`; `gallery`.

Belongs here: one function for each asset, which says what the asset is made from and calls the
domain packages; its docstring is its description in the UI. Does not belong here: methods (domain
packages), events, reuse and failures (`orchestration`).
"""
