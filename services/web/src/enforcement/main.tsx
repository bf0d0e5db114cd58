import { start } from "../ui/start.tsx";
import { Enforcement } from "./enforcement.tsx";
import "../styles/base.css";
import "../styles/lists.css";
import "./enforcement.css";

void start("enforcement", () => <Enforcement />);
