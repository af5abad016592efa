module {{name}}

go 1.24

require weir.dev/plugin v0.0.0

// `weir plugin build` writes the SDK there.
replace weir.dev/plugin => ./.weir/plugin-sdk
