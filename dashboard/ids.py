"""The ids of the elements that Python lays out and the browser's modules fill, in one place."""

from __future__ import annotations

from typing import Final

# The frame, on every page.
SKIP_LINK: Final = "skip-link"
NAVIGATION: Final = "navigation"
PAGE: Final = "page"
BAR_COUNTS: Final = "bar-counts"
BAR_AGE: Final = "bar-age"
BAR_PAGING: Final = "bar-paging"
BAR_PALETTE: Final = "bar-palette"
BAR_THEME: Final = "bar-theme"
BAR_CLOCK: Final = "bar-clock"
BAR_ACCOUNT: Final = "bar-account"
ACCOUNT: Final = "account"
SLAB: Final = "slab"
BANNERS: Final = "banners"
ANNOUNCER: Final = "announcer"

# The Overview page.
OVERVIEW_HEADING: Final = "overview-heading"
OVERVIEW_FILTERS: Final = "overview-filters"
OVERVIEW_PROBLEMS: Final = "overview-problems"
OVERVIEW_SCORE: Final = "overview-score"
OVERVIEW_TIMELINE: Final = "overview-timeline"
OVERVIEW_GROUPS: Final = "overview-groups"

# The wall, all of which the browser draws.
WALL: Final = "wall"

# The check page. The two stores are set by assets/modules/check.mjs: what it has seen of the check
# (the pieces follow it), and what of it the chart is to show; the third holds what was sent last.
CHECK_PAGE: Final = "check-page"
CHECK_SEEN: Final = "check-seen"
CHECK_RANGE: Final = "check-range"
CHECK_HELD: Final = "check-held"
CHECK_HEAD: Final = "check-head"
CHECK_ACTIONS: Final = "check-actions"
CHECK_REPLY: Final = "check-reply"
CHECK_TIMELINE: Final = "check-timeline"
CHECK_CHART_HEAD: Final = "check-chart-head"
CHECK_CHART: Final = "check-chart"
CHECK_RESULTS: Final = "check-results"
CHECK_SIDE: Final = "check-side"
CHECK_MANAGE: Final = "check-manage"
CHECK_DEFINITION: Final = "check-definition"

# The list of checks.
CHECKS_HEADING: Final = "checks-heading"
CHECKS_TOOLS: Final = "checks-tools"
CHECKS_FILTERS: Final = "checks-filters"
CHECKS_TABLE: Final = "checks-table"
CHECKS_SELECTED: Final = "checks-selected"

# The list of incidents.
INCIDENTS_SUMMARY: Final = "incidents-summary"
INCIDENTS_FILTERS: Final = "incidents-filters"
INCIDENTS_LIST: Final = "incidents-list"
INCIDENTS_SELECTED: Final = "incidents-selected"

# The page of one incident.
INCIDENT_HEAD: Final = "incident-head"
INCIDENT_TIMELINE: Final = "incident-timeline"
INCIDENT_SIDE: Final = "incident-side"
INCIDENT_ACTIONS: Final = "incident-actions"

# The page on which a check is made or edited.
CHECKFORM: Final = "checkform"

# The Thresholds page.
THRESHOLDS_TOOLS: Final = "thresholds-tools"
THRESHOLDS_LIST: Final = "thresholds-list"
THRESHOLDS_EDITOR: Final = "thresholds-editor"

# The Business page.
BUSINESS_TOOLS: Final = "business-tools"
BUSINESS_BOARD: Final = "business-board"

# The Settings and Audit pages.
SETTINGS: Final = "settings"
AUDIT: Final = "audit"

# Filled by assets/modules: leaves without children, which React leaves alone.
OWNED_BY_THE_BROWSER: Final = (
    BAR_COUNTS,
    BAR_AGE,
    BAR_PAGING,
    BAR_PALETTE,
    BAR_THEME,
    BAR_CLOCK,
    BAR_ACCOUNT,
    ACCOUNT,
    SLAB,
    BANNERS,
    ANNOUNCER,
    OVERVIEW_HEADING,
    OVERVIEW_FILTERS,
    OVERVIEW_PROBLEMS,
    OVERVIEW_SCORE,
    OVERVIEW_TIMELINE,
    OVERVIEW_GROUPS,
    WALL,
    CHECKS_HEADING,
    CHECKS_TOOLS,
    CHECKS_FILTERS,
    CHECKS_TABLE,
    CHECKS_SELECTED,
    INCIDENTS_SUMMARY,
    INCIDENTS_FILTERS,
    INCIDENTS_LIST,
    INCIDENTS_SELECTED,
    INCIDENT_HEAD,
    INCIDENT_TIMELINE,
    INCIDENT_SIDE,
    INCIDENT_ACTIONS,
    CHECK_MANAGE,
    CHECK_DEFINITION,
    CHECKFORM,
    THRESHOLDS_TOOLS,
    THRESHOLDS_LIST,
    THRESHOLDS_EDITOR,
    SETTINGS,
    AUDIT,
    BUSINESS_TOOLS,
    BUSINESS_BOARD,
)
