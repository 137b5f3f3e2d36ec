// Command vcsim is the vCenter that vmgov is tested against: govmomi's simulator with a scenario language, real
// permissions and a control server. See README.md.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("vcsim: ")
	if err := run(); err != nil {
		log.Print(err)
		os.Exit(2)
	}
}

func run() error {
	size := Size{}
	flag.IntVar(&size.Datacenters, "dc", 1, "datacenters")
	flag.IntVar(&size.Clusters, "cluster", 1, "clusters per datacenter")
	flag.IntVar(&size.Hosts, "host", 3, "hosts per cluster")
	flag.IntVar(&size.StandaloneHosts, "standalone-host", 1, "standalone hosts per datacenter")
	flag.IntVar(&size.Pools, "pool", 0, "resource pools per cluster")
	flag.IntVar(&size.VMs, "vm", 2, "VMs per resource pool and standalone host")
	flag.IntVar(&size.Datastores, "ds", 1, "datastores per datacenter")
	flag.IntVar(&size.Portgroups, "pg", 1, "distributed port groups per datacenter")
	flag.IntVar(&size.Folders, "folder", 0, "datacenters that are put into folders")
	flag.IntVar(&size.Apps, "app", 0, "vApps per cluster (empty ones)")
	flag.BoolVar(&size.Autostart, "autostart", true, "power the VMs on")
	listen := flag.String("listen", "127.0.0.2:0", "address of the SDK")
	controlAddress := flag.String("control", "127.0.0.1:0", "address of the control server; empty for none")
	cert := flag.String("cert", "", "PEM file of the TLS certificate (and its chain)")
	key := flag.String("key", "", "PEM file of the certificate's key")
	tlsMax := flag.String("tls-max", "", "highest TLS version: 1.0, 1.1, 1.2 or 1.3")
	username := flag.String("username", "administrator@vsphere.local", "account with the Admin role")
	password := flag.String("password", "pass", "its password")
	readUser := flag.String("readonly-user", "", "second account, with the ReadOnly role")
	readPassword := flag.String("readonly-password", "", "its password")
	instance := flag.String("instance-uuid", "", "instanceUuid of the vCenter; by default made from the seed")
	seed := flag.String("seed", "1", "the same seed and flags give the same uuids and MAC addresses")
	scenario := flag.String("scenario", "", "JSON file of a scenario to apply before serving")
	faults := flag.String("faults", "", "JSON file of fault rules")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("what is %q?", flag.Args())
	}

	w, err := build(size, *seed, *instance)
	if w != nil {
		defer w.unload()
	}
	if err != nil {
		return err
	}
	// Any other user than the simulator's default makes it ask ValidLogin.
	address := &url.URL{Host: *listen, User: url.UserPassword(*username, *password)}
	w.registry.SessionManager().ValidLogin = func(req *types.Login) bool { return w.access.valid(req.UserName, req.Password) }
	w.makeREST(address)
	if err := w.enrol(*username, *password, "Admin"); err != nil {
		return err
	}
	if *readUser != "" {
		if err := w.enrol(*readUser, *readPassword, "ReadOnly"); err != nil {
			return err
		}
	}
	for path, apply := range map[string]func([]byte) error{*scenario: w.apply, *faults: w.injectFaults} {
		if path == "" {
			continue
		}
		raw, err := os.ReadFile(path)
		if err == nil {
			err = apply(raw)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}

	service := w.service
	service.Listen = address
	if service.TLS, err = tlsConfig(*cert, *key, *tlsMax); err != nil {
		return err
	}
	service.RegisterEndpoints = false // makeREST has made the one that is wanted
	server := service.NewServer()
	defer server.CloseClientConnections()
	counted := &calls{counts: map[string]int{}}
	server.Config.Handler = counted.counting(w.withREST(server.Config.Handler))

	ready := map[string]any{
		"url": (&url.URL{Scheme: server.URL.Scheme, Host: server.URL.Host, Path: server.URL.Path}).String(),
		"pid": os.Getpid(), "instance_uuid": w.content().About.InstanceUuid, "control": "",
	}
	if *controlAddress != "" {
		listener, err := net.Listen("tcp", *controlAddress)
		if err != nil {
			return err
		}
		steer := &http.Server{Handler: w.control(counted), ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = steer.Serve(listener) }()
		defer func() { _ = steer.Close() }()
		ready["control"] = "http://" + listener.Addr().String()
	}
	if err := json.NewEncoder(os.Stdout).Encode(ready); err != nil {
		return err
	}
	untilDismissed()
	return nil
}

func (w *World) enrol(username, password, role string) error {
	if username == "" || password == "" {
		return fmt.Errorf("an account needs a name and a password")
	}
	return opAccount(w, w.actor("vcsim"), accountParams{Username: username, Password: password, Role: role})
}

func tlsConfig(cert, key, highest string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS10}
	switch highest {
	case "", "1.3":
	case "1.0":
		config.MaxVersion = tls.VersionTLS10
	case "1.1":
		config.MaxVersion = tls.VersionTLS11
	case "1.2":
		config.MaxVersion = tls.VersionTLS12
	default:
		return nil, fmt.Errorf("no TLS version %q", highest)
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// untilDismissed waits for a signal, the end of standard input or the death of the parent: a simulator must not
// outlive the test that started it.
func untilDismissed() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(closed)
	}()
	parent := os.Getppid()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-closed:
			return
		case <-tick.C:
			if os.Getppid() != parent {
				return
			}
		}
	}
}
