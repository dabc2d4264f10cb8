#!/usr/bin/env node
// oxlint-disable-next-line import/no-unassigned-import -- it is run, and exports nothing
import "../dist/internal/bin.js"
