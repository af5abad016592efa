module weir.dev/guests/three-edits

go 1.24

require weir.dev/plugin v0.0.0

replace weir.dev/plugin => ../../../../plugin-sdk/go
