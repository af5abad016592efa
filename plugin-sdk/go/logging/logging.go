// Package logging writes to the gateway's log, which adds plugin, version and request id to each line.
package logging

import (
	"log"
	"strings"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
)

// Level says whom a line is for.
type Level uint32

// From the least to the most urgent.
const (
	LevelTrace Level = iota
	LevelDebug
	LevelInfo
	LevelWarn
	LevelError
)

// Field is a named value of a line.
type Field struct{ Name, Value string }

// Enabled says whether a line of this level would be kept: worth asking before an expensive message.
func Enabled(level Level) bool { return raw.LoggingEnabled(uint32(level)) != 0 }

// Log writes one line.
func Log(level Level, message string, fields ...Field) {
	mark := abi.Mark()
	defer abi.Release(mark)
	list, length := abi.NewList(fields, 16, func(to abi.Ptr, field *Field) {
		to.PutText(0, field.Name)
		to.PutText(8, field.Value)
	})
	raw.LoggingLog(uint32(level), strings.ToValidUTF8(message, "\uFFFD"), list, uint32(length))
}

// Info writes a line of ordinary work.
func Info(message string, fields ...Field) { Log(LevelInfo, message, fields...) }

// Warn writes a line that an operator should know of.
func Warn(message string, fields ...Field) { Log(LevelWarn, message, fields...) }

// Error writes a line that an operator should act on.
func Error(message string, fields ...Field) { Log(LevelError, message, fields...) }

// lines is where package log of the standard library writes to.
type lines struct{}

func (lines) Write(text []byte) (int, error) {
	Info(strings.TrimSuffix(string(text), "\n"))
	return len(text), nil
}

// Standard sends what package log writes to the gateway's log.
func Standard() {
	log.SetFlags(0)
	log.SetOutput(lines{})
}
