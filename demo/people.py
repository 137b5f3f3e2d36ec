"""Who answers for what at Halden Clinics. Nobody here exists."""

from __future__ import annotations

AMUNDSEN = "Kari Amundsen"  # electronic health record
BERGSTROM = "Elias Bergström"  # imaging
DAHL = "Marit Dahl"  # laboratory
EIDE = "Jonas Eide"  # wards
FOSS = "Ingrid Foss"  # pharmacy
GRAN = "Tomas Gran"  # payments
HAUGEN = "Liv Haugen"  # accounting
IVERSEN = "Petter Iversen"  # human resources
JOHNSEN = "Astrid Johnsen"  # public web
KVAM = "Sindre Kvam"  # web platform
LUND = "Hanne Lund"  # directory, infrastructure
MOEN = "Ole Moen"  # monitoring and security
NYGARD = "Sara Nygård"  # build and delivery
OLSEN = "Henrik Olsen"  # files and printing
RUUD = "Camilla Ruud"  # research
STRAND = "Emil Strand"  # training
