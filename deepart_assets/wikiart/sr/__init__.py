"""WikiArt SR: the paintings that the super-resolution network learns from.

Belongs here: the choice by rule (`borders`, `quality`, `measuring`, `duplicates`, `split`,
`selection`) and the seed's own archive (`archive`). Does not belong here: making pairs
(`super_resolution`), and how the report looks (`reports`).
"""
