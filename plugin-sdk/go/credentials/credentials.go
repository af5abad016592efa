// Package credentials reads the gateway's consumers and their credentials, through its cache
// (capability "credentials"). A look-up may wait for the store when the cache does not know the answer.
package credentials

import (
	"errors"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
)

// Consumer is one of the gateway's consumers. Username and CustomID are empty where there is none.
type Consumer struct{ ID, Username, CustomID string }

// Found names the credential and its consumer by their ids.
type Found struct {
	Consumer, Credential string
	Groups               []string
}

// Find gives the credential of this kind, for instance "keyauth_credentials", with this unique key;
// nil if there is none.
func Find(kind, key string) (*Found, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.CredentialsFind(kind, key, ret.Pointer())
	if some, err := present(ret); !some {
		return nil, err
	}
	groups, count := ret.List(24)
	text := func(from abi.Ptr) string { return from.Text(0) }
	return &Found{ret.Text(8), ret.Text(16), abi.List(groups, count, 8, text)}, nil
}

// Data gives the credential as the Admin API prints it, JSON; empty if there is none.
func Data(kind, key string) (string, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.CredentialsData(kind, key, ret.Pointer())
	if some, err := present(ret); !some {
		return "", err
	}
	return ret.Text(8), nil
}

// FindConsumer gives the consumer with this id or username; nil if there is none.
func FindConsumer(idOrUsername string) (*Consumer, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.CredentialsFindConsumer(idOrUsername, ret.Pointer())
	if some, err := present(ret); !some {
		return nil, err
	}
	consumer := &Consumer{ID: ret.Text(8)}
	consumer.Username, _ = ret.OptionalText(16)
	consumer.CustomID, _ = ret.OptionalText(28)
	return consumer, nil
}

// present reads the head of a result<option<_>, string>.
func present(ret abi.Ptr) (bool, error) {
	if ret.Bool(0) {
		return false, errors.New(ret.Text(4))
	}
	return ret.Bool(4), nil
}
