"""The pipeline, from the paintings to the gallery; each module is one part, in this order.

* The paintings: `wikiart`, `styles`.
* Super resolution: `wikiart_sr`, `lr_hr_pairs`, `training`, `evaluation`.
* Masks: `subject_texts`, `predicted_masks`, `subjects`, `subjects_evaluation`.
* Outpaintings: `generator_weights`, `outpaintings`; `grounds`, `scene_completions`;
  `outpainting_evaluation`.
* Results: `upscaled`, `choices`, `chosen`, `restoration`; `restoration_plan`, `gallery`.

The other modules help these.
"""
