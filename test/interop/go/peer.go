// A WebSocket peer that uses golang-github-gorilla-websocket-dev of Debian. ../remote-end.ts describes the lines that control it. Its only
// argument is the configuration as JSON. It opens one connection, as client or server, and ends after this connection.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

type config struct {
	Role           string
	URL            string
	Subprotocols   []string
	Headers        map[string]string
	MaxMessageSize int64
	CA             string
	Cert           string
	Key            string
}

// A message is Text or Base64. encoding/json reads and writes []byte as base64.
type command struct {
	Do      string
	Text    *string
	Base64  []byte
	Size    int
	Payload string
	Code    int
	Reason  string
}

type event map[string]any

var output sync.Mutex

func say(e event) {
	line, err := json.Marshal(e)
	check(err)
	output.Lock()
	defer output.Unlock()
	_, err = os.Stdout.Write(append(line, '\n'))
	check(err)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	var c config
	check(json.Unmarshal([]byte(os.Args[1]), &c))
	if c.Role == "client" {
		dial(c)
	} else {
		serve(c)
	}
}

func dial(c config) {
	dialer := websocket.Dialer{Subprotocols: c.Subprotocols}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		check(err)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		dialer.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	headers := http.Header{}
	for name, value := range c.Headers {
		headers.Set(name, value)
	}
	conn, response, err := dialer.Dial(c.URL, headers)
	check(err)
	converse(conn, response.Header, c)
}

func serve(c config) {
	done := make(chan struct{})
	upgrader := websocket.Upgrader{Subprotocols: c.Subprotocols}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		check(err)
		converse(conn, r.Header, c)
		close(done)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go func() {
		if c.Cert != "" {
			check(server.ServeTLS(listener, c.Cert, c.Key))
		} else {
			check(server.Serve(listener))
		}
	}()
	say(event{"event": "listening", "port": listener.Addr().(*net.TCPAddr).Port})
	<-done
}

func converse(conn *websocket.Conn, header http.Header, c config) {
	headers := map[string]string{}
	for name := range header {
		headers[strings.ToLower(name)] = header.Get(name)
	}
	if c.MaxMessageSize > 0 {
		conn.SetReadLimit(c.MaxMessageSize)
	}
	conn.SetPongHandler(func(payload string) error {
		say(event{"event": "pong", "payload": payload})
		return nil
	})
	say(event{"event": "open", "subprotocol": conn.Subprotocol(), "headers": headers})
	go obey(conn)
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			ended(conn, err)
			return
		}
		if kind == websocket.TextMessage {
			say(event{"event": "message", "text": string(message)})
		} else {
			say(event{"event": "message", "base64": message})
		}
	}
}

// The library has already answered the Close frame of the peer. This program only has to end TCP.
func ended(conn *websocket.Conn, err error) {
	code, reason := websocket.CloseAbnormalClosure, ""
	var closed *websocket.CloseError
	if errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure {
		code, reason = closed.Code, closed.Text
	}
	conn.Close()
	say(event{"event": "closed", "code": code, "reason": reason})
}

func obey(conn *websocket.Conn) {
	input := bufio.NewReader(os.Stdin)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return
		}
		var c command
		check(json.Unmarshal(line, &c))
		// If a message can no longer be written, the other side notices that the message is missing.
		_ = do(conn, c)
	}
}

func do(conn *websocket.Conn, c command) error {
	kind, message := websocket.BinaryMessage, c.Base64
	if c.Text != nil {
		kind, message = websocket.TextMessage, []byte(*c.Text)
	}
	deadline := time.Now().Add(10 * time.Second)
	switch c.Do {
	case "send":
		return conn.WriteMessage(kind, message)
	case "fragments":
		// The library sends a frame whenever its buffer of 4 KiB is full, even inside a character. It sends the last frame when the writer is
		// closed.
		w, err := conn.NextWriter(kind)
		if err != nil {
			return err
		}
		for len(message) > c.Size {
			if _, err := w.Write(message[:c.Size]); err != nil {
				return err
			}
			message = message[c.Size:]
		}
		if _, err := w.Write(message); err != nil {
			return err
		}
		return w.Close()
	case "ping":
		return conn.WriteControl(websocket.PingMessage, []byte(c.Payload), deadline)
	case "close":
		return conn.WriteControl(websocket.CloseMessage, closePayload(c), deadline)
	case "shutdown":
		c.Code = websocket.CloseGoingAway
		return conn.WriteControl(websocket.CloseMessage, closePayload(c), deadline)
	case "abort":
		return conn.UnderlyingConn().Close()
	}
	return fmt.Errorf("unknown command %q", c.Do)
}

func closePayload(c command) []byte {
	if c.Code == 0 {
		return nil
	}
	return websocket.FormatCloseMessage(c.Code, c.Reason)
}
