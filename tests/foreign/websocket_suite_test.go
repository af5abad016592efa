// Takes the place of httptest.NewServer in the client tests of github.com/gorilla/websocket, so that each of
// their servers is reached through the gateway: on a port that a route leads to already.

package websocket

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
)

var weirServers atomic.Int32

// newServerBehindWeir starts a server whose URL is that of a route. WEIR_PROXY is where the gateway listens, and
// WEIR_PORTS has the port of the upstream for the routes /suite0, /suite1 and so on.
func newServerBehindWeir(handler http.Handler) *httptest.Server {
	number := weirServers.Add(1) - 1
	port := strings.Split(os.Getenv("WEIR_PORTS"), ",")[number]
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		panic(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	server.URL = fmt.Sprintf("http://%s/suite%d", os.Getenv("WEIR_PROXY"), number)
	return server
}
