"""The pipeline, one module for each part, in this order: `wikiart`, `styles`; `wikiart_sr`,
`lr_hr_pairs`, `training`, `evaluation`; `subjects`, `subjects_evaluation`, `generator_weights`,
`outpaintings`, `outpainting_evaluation`, `upscaled`, `restoration`; `restoration_plan`, `gallery`.
"""
