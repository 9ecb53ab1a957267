"""Metrics of many pipelines through PromQL: one sweep of shared queries, a reading for each pipeline.

queries.yaml holds what is asked, `queries` what may be asked instead, `door` the HTTP below the client in
`tools.prometheus`, `asking` how answers become rows by pipeline, `reading` how rows become observations, and
`source` the sweep itself. docs/metrics.md says what each fault looks like.
"""
