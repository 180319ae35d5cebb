#!/usr/bin/env node
/** `sluice-plugin new | build | test`: starts, builds and tests a plugin. All of it is `@sluice/plugin-host/authoring`. */
import { runPluginCommand } from '@sluice/plugin-host/authoring'

process.exitCode = await runPluginCommand(process.argv.slice(2))
