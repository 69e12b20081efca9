"""The pipeline, top to bottom: `wikiart`, `styles`; `wikiart_sr`, `lr_hr_pairs`, `training`,
`super_resolution`; `subjects`, `subjects_evaluation`, `restoration`; `gallery`.
"""
